"""Lists the commands for those who develop this package."""

from data_prep.commands import print_commands

COMMANDS = (
    "plain_c",
    "fixed_features",
    "firmware_recording",
    "paired_runs",
    "personalisation",
    "pictures",
    "settings_table",
    "unseen_classes",
)

if __name__ == "__main__":
    print_commands("pskd_tf.develop", "For development and checks:", COMMANDS)
