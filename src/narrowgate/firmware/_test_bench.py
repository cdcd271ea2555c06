"""Test benches that stream one image a clock through the circuit and compare what comes out, in Verilog and VHDL."""

from narrowgate.firmware._ports import Port

VERILOG = """\
`timescale 1 ns / 1 ps
// Reads images.hex and expected.hex, one number a line; writes outputs.hex; ends with "N passed, N failed".
module testbench;
    localparam EVENTS = {events};
    localparam LATENCY = {latency};
    reg clk = 0;
    reg [{input_top}:0] model_inp;
    wire [{output_top}:0] model_out;
    reg [{input_top}:0] images [0:EVENTS-1];
    reg [{output_top}:0] expected [0:EVENTS-1];
    integer cycle, file, failed;

    {name}_wrapper circuit (.clk(clk), .model_inp(model_inp), .model_out(model_out));

    initial begin
        $readmemh("images.hex", images);
        $readmemh("expected.hex", expected);
        file = $fopen("outputs.hex", "w");
        failed = 0;
        for (cycle = 0; cycle < EVENTS + LATENCY; cycle = cycle + 1) begin
            model_inp = images[cycle < EVENTS ? cycle : 0];
            #{half} clk = 1;
            #{half} clk = 0;
            if (cycle >= LATENCY) begin
                $fwrite(file, "%h\\n", model_out);
                if (model_out !== expected[cycle - LATENCY]) failed = failed + 1;
            end
        end
        $fclose(file);
        $display("%0d passed, %0d failed", EVENTS - failed, failed);
        $finish;
    end
endmodule
"""

VHDL = """\
-- Reads images.hex and expected.hex, one number a line; writes outputs.hex; ends with "N passed, N failed".
library ieee;
use ieee.std_logic_1164.all;
use std.textio.all;

entity testbench is end entity testbench;

architecture simulation of testbench is
    constant EVENTS : natural := {events};
    constant LATENCY : natural := {latency};
    signal clk : std_logic := '0';
    signal model_inp : std_logic_vector({input_top} downto 0) := (others => '0');
    signal model_out : std_logic_vector({output_top} downto 0);
begin
    circuit : entity work.{name}_wrapper port map (clk => clk, model_inp => model_inp, model_out => model_out);

    process
        file images : text open read_mode is "images.hex";
        file expectations : text open read_mode is "expected.hex";
        file outputs : text open write_mode is "outputs.hex";
        variable row, written : line;
        variable image : std_logic_vector({input_top} downto 0);
        variable expected : std_logic_vector({output_top} downto 0);
        variable failed : natural := 0;
    begin
        for cycle in 0 to EVENTS + LATENCY - 1 loop
            if cycle < EVENTS then
                readline(images, row);
                hread(row, image);
                model_inp <= image;
            end if;
            wait for {half} ns;
            clk <= '1';
            wait for {half} ns;
            clk <= '0';
            if cycle >= LATENCY then
                readline(expectations, row);
                hread(row, expected);
                hwrite(written, model_out);
                writeline(outputs, written);
                if model_out /= expected then
                    failed := failed + 1;
                end if;
            end if;
        end loop;
        write(written, integer'image(EVENTS - failed) & " passed, " & integer'image(failed) & " failed");
        writeline(output, written);
        wait;
    end process;
end architecture simulation;
"""

TEMPLATES = {"verilog": ("testbench.v", VERILOG), "vhdl": ("testbench.vhd", VHDL)}


def test_bench(language: str, name: str, inputs: Port, outputs: Port, events: int, latency: int, clock: float) -> str:
    """The text of a test bench; `latency` in clocks, `clock` in MHz."""
    return TEMPLATES[language][1].format(
        name=name,
        events=events,
        latency=latency,
        input_top=inputs.bits - 1,
        output_top=outputs.bits - 1,
        half=f"{500 / clock:.3f}",
    )
