"""What the machine did for others is what was busy less what was ours."""

import os
import time

from jepsen.machine import Machine


def test_our_own_work_is_counted_as_ours() -> None:
    """Processor time never goes back, and what we burn shows in all three figures."""
    machine = Machine()
    before = machine.use([os.getpid()])
    end = time.process_time() + 0.1
    while time.process_time() < end:
        pass

    after = machine.use([os.getpid()])
    gone = machine.use([])

    assert after.own - before.own >= 8  # hundredths of a second
    assert after.busy - before.busy >= 8
    assert after.total - before.total >= after.busy - before.busy
    assert gone.own == after.own
