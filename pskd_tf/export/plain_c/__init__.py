"""An int8 flatbuffer as interpreter-free C99: tables, a buffer plan and one function."""
