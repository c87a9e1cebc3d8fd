"""The two loops that NumPy and OpenCV are slow at: the area average of a picture, and a slice onto its grid.

Each stands here twice: plainly (`area`, `plane`), which defines the result, and as machine code (`area_code`,
`plane_code`) that LLVM makes in a tenth of a second, once a process, and that gives the same bits. `builder` is what
both are written with. llvmlite alone takes 0.13 CPU-seconds to start; numba, which would let them be plain Python
functions, takes 1.4 in every process. Where LLVM is missing, the plain way is taken.
"""
