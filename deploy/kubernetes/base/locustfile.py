"""For a Locust master whose workers are squadload: the users of scenario sustained (open 30/s constant).

    locust -f locustfile.py --master
    squadload worker --master-host HOST --config FILE --scenario sustained

Made by squadload locustfile. The workers send the requests; what stands here is what the master
counts by.
"""

import sys
import time

import gevent
from locust import User, constant, events, task
from locust.runners import MasterRunner


class SquadApiUser(User):
    weight = 1
    wait_time = constant(1)

    @task(80)
    def task_chat(self):
        pass

    @task(15)
    def task_health(self):
        pass

    @task(5)
    def task_metrics(self):
        pass


@events.init.add_listener
def of_a_master_only(environment, **_):
    if not isinstance(environment.runner, MasterRunner):
        sys.exit("This file sends no requests: it is for --master, and squadload worker joins.")


started = None


@events.test_start.add_listener
def begin(environment, **_):
    global started
    started = time.time()


@events.init.add_listener
def tell_workers(environment, **_):
    def tell(runner):
        while True:
            if started is not None and runner.state in ("spawning", "running"):
                elapsed = time.time() - started
                runner.send_message("squadload_test", {"users": runner.target_user_count, "elapsed": elapsed})
            gevent.sleep(1)

    if isinstance(environment.runner, MasterRunner):
        gevent.spawn(tell, environment.runner)
