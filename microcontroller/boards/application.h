/* setup and loop of every project: the activity loop on the board file's sensor and serial line. */
#ifndef PSKD_APPLICATION_H_
#define PSKD_APPLICATION_H_

#ifdef __cplusplus
extern "C" {
#endif

void pskd_application_setup(void);

/* To be called for ever; waits between samples. */
void pskd_application_loop(void);

#ifdef __cplusplus
}
#endif

#endif /* PSKD_APPLICATION_H_ */
