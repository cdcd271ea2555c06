"""An hls4ml project for Vitis HLS, with a test bench that compares integers, real events, and a README."""

from __future__ import annotations

import shlex

from narrowgate.firmware._target import Order, Project, Target
from narrowgate.firmware._words import decision_words, image_words
from narrowgate.firmware.hls4ml._project import BENCH, COMPILE, EXPECTED, IMAGES, NAME, convert
from narrowgate.integers import evaluate, input_codes

_BENCH = """\
// Reads images and expected logits as integers; writes the logits found; ends with "N passed, N failed".
// C simulation of Vitis HLS runs it, and so does g++ alone; see README.md.
#include <cmath>
#include <fstream>
#include <iostream>
#include <map>
#include <string>

#include "firmware/narrowgate.h"
#include "firmware/nnet_utils/nnet_helpers.h"

namespace nnet {{
bool trace_enabled = false;
std::map<std::string, void *> *trace_outputs = NULL;
size_t trace_type_size = sizeof(double);
}} // namespace nnet

int main() {{
    std::ifstream images("{images}"), expected("{expected}");
#ifdef RTL_SIM
    std::ofstream results("tb_data/rtl_cosim_results.log");
#else
    std::ofstream results("tb_data/csim_results.log");
#endif
    long long logit, count;
    int passed = 0, failed = 0;
    while (expected >> logit) {{
        {input} image[{pixels}];
        {output} found[1];
        for (int pixel = 0; pixel < {pixels}; pixel++) {{
            images >> count;
            image[pixel] = std::ldexp((double)count, {input_shift});
        }}
        {name}(image, found);
        long long code = (long long)std::ldexp(found[0].to_double(), {fraction});
        results << code << "\\n";
        (code == logit ? passed : failed)++;
    }}
    std::cout << passed << " passed, " << failed << " failed" << std::endl;
    return failed > 0 || passed == 0;
}}
"""

_README = """# A trigger network by narrowgate, as an hls4ml project

C++ for Vitis HLS: an image in parallel, pipelined for a new image every clock at {clock:g} MHz on {part}.
Latency and size are what synthesis finds. Made by hls4ml from the Keras model `keras_model.keras`, whose formats are
frozen; every accumulator holds every sum that an image can give, so that only activations round or saturate.

## Interface of `{name}` in `firmware/{name}.cpp`

| port | type | meaning |
|---|---|---|
| `image` | `{input}[{pixels}]`, `{input_precision}` | the pixels; the bits of each are its count |
| `{output_port}` | `{output}[1]`, `{output_precision}` | the logit |

{image}
Pixel (row r, column c, channel k) is element (r · {columns} + c) · {channels} + k.

## The decision

{decision}

## Test

`{images}` holds {events} images in counts, `{expected}` what must come out, in units of 2^{unit}. The test bench
compares all of them; it needs neither Python nor a vendor's tool:

    {compile}
    ./csim

With Vitis, `vitis-run --mode hls --tcl build_prj.tcl` synthesises, and its C simulation runs the same test bench.
"""


def write(order: Order) -> Project:
    """Write the project.

    Raises:
        FirmwareError: hls4ml, Keras or HGQ2 is missing, or the network is more than they can hold.
    """
    network, folder = order.network, order.folder
    graph = convert(network, folder, order.part, order.clock)
    codes = input_codes(network, order.images).reshape(len(order.images), -1)
    (folder / IMAGES).parent.mkdir(exist_ok=True)
    (folder / IMAGES).write_text("".join(" ".join(map(str, row)) + "\n" for row in codes), encoding="utf-8")
    (folder / EXPECTED).write_text("".join(f"{code}\n" for code in evaluate(network, order.images)), encoding="utf-8")
    (inputs,), (outputs,) = graph.get_input_variables(), graph.get_output_variables()
    words = {
        "name": NAME,
        "images": IMAGES,
        "expected": EXPECTED,
        "pixels": codes.shape[1],
        "input": inputs.type.name,
        "output": outputs.type.name,
    }
    bench = _BENCH.format(input_shift=-network.input_format.fraction, fraction=network.output.fraction, **words)
    (folder / BENCH).write_text(bench, encoding="utf-8")
    text = _README.format(
        clock=order.clock,
        part=order.part.order_code,
        input_precision=inputs.type.precision.definition_cpp(),
        output_port=outputs.name,
        output_precision=outputs.type.precision.definition_cpp(),
        image=image_words(network),
        columns=network.image[1],
        channels=network.image[2],
        decision=decision_words(network, order.thresholds),
        events=len(codes),
        unit=-network.output.fraction,
        compile=shlex.join(COMPILE),
        **words,
    )
    (folder / "README.md").write_text(text, encoding="utf-8")
    summary = f"C++ for {order.clock:g} MHz"
    return Project(folder, order.target, len(codes), order.clock, order.part, summary)


HLS4ML = Target("hls4ml", "an hls4ml project for Vitis HLS", False, write)
