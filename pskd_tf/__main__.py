"""Lists the commands: `python -m pskd_tf`."""

from data_prep.commands import print_commands

COMMANDS = (
    "train",
    "evaluate",
    "report",
    "verify",
    "compress",
    "simulate",
    "personalise",
    "export",
    "simulate_board",
    "monitor",
    "benchmark",
    "develop",
)

if __name__ == "__main__":
    print_commands("pskd_tf", "From raw recordings to a recogniser on a board:", COMMANDS)
