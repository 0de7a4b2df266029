"""What a stock Locust writes with --csv for requests on stdin, into the folder named: run with the Python that has Locust.

Locust's own StatsCSVFileWriter and RequestStats do all of it; only the clock is ours. Lines as metrics_from_requests reads.
"""

import json
import sys
import time
from types import SimpleNamespace

from locust import stats as locust_stats

START = 1795425300  # 2026-11-23T09:15:00Z


def main(folder):
    tasks, now = [], float(START)
    time.time = lambda: now
    stats = locust_stats.RequestStats()
    environment = SimpleNamespace(stats=stats, runner=SimpleNamespace(user_count=0, exceptions={}))
    writer = locust_stats.StatsCSVFileWriter(environment, locust_stats.PERCENTILES_TO_REPORT, f"{folder}/stock")
    writer.requests_csv_writer.writerow(writer.requests_csv_columns)
    writer.stats_history_csv_writer.writerow(writer.stats_history_csv_columns)
    writer.failures_csv_writer.writerow(writer.failures_columns)
    writer.exceptions_csv_writer.writerow(writer.exceptions_columns)
    second = 0

    def close_second():
        nonlocal second
        second += 1
        writer._stats_history_data_rows(writer.stats_history_csv_writer, START + second)

    for line in sys.stdin:
        words = line.split()
        if words[0] == "task":
            tasks.append((words[2], words[3]))
            continue
        method, name = tasks[int(words[0])]
        end = int(words[4]) / 1e9
        while end >= second + 1:
            close_second()
        now = START + end
        stats.log_request(method, name, int(words[2]) / 1e6, int(words[3]))
        if words[1] != "ok":
            stats.log_error(method, name, "status 429" if words[1] == "rate_limited" else words[1])
    close_second()
    writer._requests_data_rows(writer.requests_csv_writer)
    writer._failures_data_rows(writer.failures_csv_writer)
    writer._exceptions_data_rows(writer.exceptions_csv_writer)
    writer.close_files()
    print(json.dumps({"requests": stats.total.num_requests}))


main(sys.argv[1])
