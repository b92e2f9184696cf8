"""Deploy to Google Cloud Run in steps, judge each step, and take the traffic back when it gets worse."""

__version__ = "0.1.0"
