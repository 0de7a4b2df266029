// What --help says after the options: examples and exit codes.
#pragma once

namespace squadload::cli {

inline constexpr auto kRunExamples = R"(Examples:
  squadload run                                first scenario of config/load_testing.yaml
  squadload run spike --host http://127.0.0.1:8000
  squadload run all --stage staging --fail-fast
  squadload run http://127.0.0.1:8000/health -r 50 -t 30s
  squadload run sustained -u 30 -r 30 -t 5m    closed model: 30 users, 30 new users per second

Exit codes: 0 PASS, 1 FAIL, 2 usage or configuration, 3 target unreachable, 4 VOID,
70 internal error, 130 / 143 interrupted by SIGINT / SIGTERM.)";
inline constexpr auto kListExamples = R"(Example:
  squadload list --config config/load_testing.yaml)";
inline constexpr auto kValidateExamples = R"(Examples:
  squadload validate
  squadload validate my_test.yaml --stage staging --users 20)";
inline constexpr auto kInitExamples = R"(Examples:
  squadload init http://127.0.0.1:8000
  squadload init http://127.0.0.1:8000/v1 --output my_test.yaml)";
inline constexpr auto kTryExamples = R"(Examples:
  squadload try --host http://127.0.0.1:8000
  squadload try chat --host http://127.0.0.1:8000 --seed 7

Exit codes: 0 when the outcome is ok, 1 otherwise; 2 and 3 as for run.)";
inline constexpr auto kAuditExamples = R"(Examples:
  squadload run spike --save-arrivals
  squadload audit reports/load_test_arrivals_20261126_115930_spike.ndjson \
      --declared reports/load_test_declared_20261126_115930_spike.json

Exit codes: 0 when nothing is broken, 1 when something is, 2 for a file that cannot be read.)";
inline constexpr auto kCapacityExamples = R"(Examples:
  squadload capacity http://127.0.0.1:8000/health --threshold 'p95 < 50ms' --from 100 --to 20000
  squadload capacity sustained --host http://127.0.0.1:8000 --threshold 'p95(chat) < 2s' \
      --threshold 'rate(ok) >= 0.99' --from 5 --to 200 --step 30s

Exit codes: 0 when a rate holds, 1 when not even the first does, 4 when this machine was the limit;
2, 3, 70, 130, 143 as for run.)";
inline constexpr auto kReportExamples = R"(Examples:
  squadload report reports/load_test_metrics_20261126_115930.json
  squadload report reports/load_test_metrics_20261126_115930.json --junit junit.xml

Exit codes: 0 when it was shown, whatever its verdict; 2 for a file that cannot be read.)";
inline constexpr auto kCompareExamples = R"(Examples:
  squadload compare reports/before.json reports/after.json
  squadload compare before.json after.json --tolerance 5% --html comparison.html

Exit codes: 0 no regression, 1 a regression beyond noise and tolerance, 2 for a file that cannot
be read, 4 when a run is VOID or they have nothing in common.)";
inline constexpr auto kWorkerExamples = R"(Examples:
  squadload locustfile > locustfile.py && locust -f locustfile.py --master
  squadload worker --master-host 10.0.0.1 --config config/load_testing.yaml --scenario spike

Exit codes: 0 when the master ended the test, whatever was measured; 2 usage or configuration,
3 no master for five minutes, 130 / 143 interrupted by SIGINT / SIGTERM.)";
inline constexpr auto kLocustfileExamples = R"(Example:
  squadload locustfile --config config/load_testing.yaml --scenario spike > locustfile.py)";
inline constexpr auto kMergeExamples = R"(Examples:
  squadload merge worker1.json worker2.json worker3.json
  squadload merge worker1.json worker2.json --config load_testing.yaml --junit junit.xml

Exit codes: those of run; 2 for files that are not parts of one load.)";
inline constexpr auto kJudgeExamples = R"(Examples:
  squadload judge --locust-csv reports/locust --config load_testing.yaml --scenario spike
  squadload judge --locust-csv reports/locust --locust-json stats.json --junit junit.xml

Exit codes: those of run; 2 for files that cannot be read or contradict each other.)";
inline constexpr auto kCompletionExamples = R"(Examples:
  source <(squadload completion bash)
  squadload completion fish > ~/.config/fish/completions/squadload.fish)";
inline constexpr auto kProgramExamples = R"(Examples:
  squadload run http://127.0.0.1:8000/health -r 50 -t 30s
  squadload run spike --host http://127.0.0.1:8000
  squadload COMMAND --help)";

}  // namespace squadload::cli
