"""Numbers about predictions: metrics, calibration, blending, and the tables that hold predictions.

Nothing here knows files of the flow but the prediction tables, nor pictures or networks. May import common.
"""
