"""Lists the commands: `python -m data_prep`."""

from data_prep.commands import print_commands

COMMANDS = ("download", "inspect", "prepare", "virtual_sensors")

if __name__ == "__main__":
    print_commands("data_prep", "From raw files to a prepared data set:", COMMANDS)
