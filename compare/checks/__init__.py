"""Every output and gradient before its oracles, on drawn examples."""
