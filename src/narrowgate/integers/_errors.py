"""What goes wrong on the way to hardware, in sentences."""

from narrowgate.errors import NarrowgateError


class FirmwareError(NarrowgateError, ValueError):
    """A network that hardware cannot hold, or a tool that fails; the message is a full sentence."""
