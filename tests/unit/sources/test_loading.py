"""Client libraries are imported by several threads at once when a run begins."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import threading
from ingressdoctor.sources.loading import load

failed = []
begin = threading.Barrier(3)

def bring(*names):
    begin.wait()
    try:
        load(*names)
    except ImportError as error:
        failed.append(str(error))

names = [("kubernetes.client", "kubernetes.config"), ("ingressdoctor.sources.hcloud_client",),
         ("ingressdoctor.sources.cloudflare_client",)]
threads = [threading.Thread(target=bring, args=part) for part in names]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(failed)
"""


def test_three_threads_may_import_three_clients_at_once() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout.strip() == "[]"
