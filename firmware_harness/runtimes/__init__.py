"""Each way to run a model on this machine: LiteRT, XNNPACK, TFLite Micro, the generated C."""
