"""Test benches that send images through the circuit and compare what comes out: Verilog, VHDL, C++ for HLS.

Those of the first two stream one image a clock; C++ knows no clock.
"""

from narrowgate.firmware.circuit._ports import Port

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

HLS = """\
// Reads images.hex and expected.hex, one number a line, from the folder that is named, by default this one;
// writes outputs.hex; ends with "N passed, N failed", and with exit status 0 if none failed.
#include "{name}_ooc.hh"
#include <fstream>
#include <iostream>
#include <string>

static bool bit(const std::string &word, size_t place) {{
    const char digit = word[word.size() - 1 - place / 4];
    const int value = digit <= '9' ? digit - '0' : (digit | 32) - 'a' + 10;
    return value >> place % 4 & 1;
}}

template <typename Input, typename Output>
static int run(void (*circuit)(Input *, Output *), const std::string &folder) {{
    std::ifstream images(folder + "/images.hex"), expectations(folder + "/expected.hex");
    std::ofstream outputs(folder + "/outputs.hex");
    std::string image, expected;
    int passed = 0, failed = 0;
    while (images >> image && expectations >> expected) {{
        Input inputs[{inputs}];
        Output results[{outputs}];
        for (size_t pixel = 0; pixel < {inputs}; ++pixel)
            for (size_t place = 0; place < {input_width}; ++place)
                inputs[pixel][place] = bit(image, pixel * {input_width} + place);
        circuit(inputs, results);
        std::string word({output_digits}, '0');
        for (size_t place = 0; place < {output_bits}; ++place)
            if (results[place / {output_width}][place % {output_width}]) {{
                char &digit = word[word.size() - 1 - place / 4];
                const int value = (digit <= '9' ? digit - '0' : digit - 'a' + 10) | 1 << place % 4;
                digit = "0123456789abcdef"[value];
            }}
        outputs << word << "\\n";
        ++(word == expected ? passed : failed);
    }}
    std::cout << passed << " passed, " << failed << " failed" << std::endl;
    return failed || passed != {events};
}}

int main(int count, char **words) {{
    return run(comb_logic::{name}_fn, count > 1 ? words[1] : ".");
}}
"""

TEMPLATES = {"verilog": ("testbench.v", VERILOG), "vhdl": ("testbench.vhd", VHDL), "hls": ("testbench.cpp", HLS)}


def test_bench(language: str, name: str, inputs: Port, outputs: Port, events: int, latency: int, clock: float) -> str:
    """The text of a test bench; `latency` in clocks, `clock` in MHz."""
    return TEMPLATES[language][1].format(
        name=name,
        events=events,
        latency=latency,
        inputs=inputs.elements,
        input_width=inputs.width,
        outputs=outputs.elements,
        output_width=outputs.width,
        output_bits=outputs.bits,
        output_digits=-(-outputs.bits // 4),
        input_top=inputs.bits - 1,
        output_top=outputs.bits - 1,
        half=f"{500 / clock:.3f}",
    )
