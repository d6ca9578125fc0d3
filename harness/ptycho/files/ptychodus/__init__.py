"""Files of ptychodus: products, diffraction data, training data, and the archives that it reads as SLAC's."""
