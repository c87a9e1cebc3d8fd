"""CT and MR scans: from the files of a patient to one uint8 array, never silently wrong.

The way of the data, module by module: `sources` (bytes from folders and zips), `dicom_files`, `walker` and
`slice_header` (what a file says), `series` (which files make the scan, in which order), `checks` (whether they make
one), `slices` (stored values), `planes` and `resample` (onto the grid, streaming), `windows` (to uint8), `mr` (both of
these where there are no Hounsfield units), `region` and `lungs` (which part is wanted), `reader` and `nifti` (all of it
together), `figures` (what a person sees). Beneath lies `geometry`, the mathematics.
"""
