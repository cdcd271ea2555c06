"""The unrolled network as a circuit: traced by alkaid, written as Verilog, VHDL or C++ for HLS, and simulated."""
