"""NumPy's arrays as samples: a file (`.npy`, `.npz`) a sample, or one array of all samples, as MedMNIST has them.

The way of the data, module by module: `spans` (bytes from any place of a file or a zip), `stored` (an array among
them: its header checked, its rows read), `places` (the arrays among the raw files), `finder` (samples and labels),
`reader` (to uint8, resized). Nothing is ever unpickled.
"""
