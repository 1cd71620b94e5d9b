/* setup and loop of every project: the activity loop on the board file's sensor and serial line. */
#ifndef PSKD_APPLICATION_H_
#define PSKD_APPLICATION_H_

#ifdef __cplusplus
extern "C" {
#endif

void pskd_application_setup(void);

/* Collects samples, for a board that does so apart: from its timer or thread, once for each sample's
 * time (PSKD_SAMPLE_US). It may interrupt the loop.
 */
void pskd_application_sample(void);

/* To be called for ever; waits between samples. */
void pskd_application_loop(void);

#ifdef __cplusplus
}
#endif

#endif /* PSKD_APPLICATION_H_ */
