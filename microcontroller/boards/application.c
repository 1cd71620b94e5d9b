#include "application.h"

#include "activity_loop.h"
#include "board.h"
#include "project_settings.h"

/* All memory of the application, besides the model's own. */
static PskdActivityLoop activity_loop;

void pskd_application_setup(void) {
  PskdLoopSettings settings;
  pskd_project_settings(&settings);
  pskd_board_start();
  pskd_activity_loop_start(&activity_loop, &settings, &pskd_board_accelerometer,
                           pskd_board_write, PSKD_PROJECT);
}

void pskd_application_sample(void) { (void)pskd_activity_loop_sample(&activity_loop); }

void pskd_application_loop(void) {
  if (pskd_activity_loop_step(&activity_loop) != PSKD_RECOGNIZER_WAITING) return;
  pskd_board_wait(pskd_activity_loop_wait_us(&activity_loop));
}
