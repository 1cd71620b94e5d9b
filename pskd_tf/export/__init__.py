"""From an int8 flatbuffer to the folder of C sources that a board compiles."""
