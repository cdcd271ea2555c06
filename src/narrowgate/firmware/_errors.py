"""What goes wrong on the way to hardware, in sentences."""


class FirmwareError(ValueError):
    """A network that hardware cannot hold, or a tool that fails; the message is a full sentence."""
