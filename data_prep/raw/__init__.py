"""Raw files as they come: archives, tables, MATLAB and BVH files."""
