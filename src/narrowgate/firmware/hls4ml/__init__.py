"""The network as an hls4ml project for Vitis HLS, and its C simulation."""
