"""CXI files (version 1.60): raw data of a scan, and reconstructions as ptychodus stores them beside."""
