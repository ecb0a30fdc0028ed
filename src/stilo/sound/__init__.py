"""How music sounds: waveforms and rendering."""
