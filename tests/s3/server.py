"""Runs a command beside an S3 server with the bucket `modeldb`, whose address it has in MODELDB_TEST_S3."""

import logging
import os
import subprocess
import sys
import urllib.request

from moto.server import ThreadedMotoServer

logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
server.start()
host, port = server.get_host_and_port()
address = f"http://127.0.0.1:{port}"
urllib.request.urlopen(urllib.request.Request(f"{address}/modeldb", method="PUT")).close()
sys.exit(subprocess.run(sys.argv[1:], env=os.environ | {"MODELDB_TEST_S3": address}).returncode)
