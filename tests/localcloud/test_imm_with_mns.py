"""IMM and MNS together: a task's end reaches the subscriber of its topic."""

from __future__ import annotations

import json

from alibabacloud_imm20200930 import models
from alibabacloud_imm20200930.client import Client
from alibabacloud_tea_openapi.utils_models import Config

from localcloud.accounts import Accounts
from localcloud.clock import Clock
from localcloud.database import Database
from localcloud.imm.service import MediaManagement
from localcloud.mns.service import MessageService, Subscription
from tests.localcloud.imm_region import ACCOUNT, OWNER, VIDEO, Buckets, without_proxies
from tests.localcloud.mns_region import Endpoint
from tests.localcloud.serving import serve, until


def test_the_end_of_a_task_reaches_the_subscriber_of_its_topic() -> None:
    # given IMM and MNS of one cloud, and a function's subscription
    clock, database, buckets, endpoint = Clock(), Database(), Buckets(), Endpoint()
    accounts = Accounts(ACCOUNT, OWNER, clock)
    buckets.put(VIDEO)
    messages = MessageService(
        region="cn-beijing", account_id=ACCOUNT, database=database, accounts=accounts, clock=clock
    )
    media = MediaManagement(
        region="cn-beijing",
        account_id=ACCOUNT,
        database=database,
        accounts=accounts,
        clock=clock,
        objects=buckets,
        topics=messages,
        task_seconds=0.0,
    )
    messages.create_topic("labels")
    messages.subscribe(Subscription("labels", "tag", "JSON", "BACKOFF_RETRY", None, endpoint.push))
    media.put_project("immtest")

    with without_proxies(), serve(media, messages) as serving:
        client = Client(
            Config(
                endpoint=serving.addresses["imm"],
                protocol="HTTP",
                access_key_id=OWNER.access_key_id,
                access_key_secret=OWNER.access_key_secret,
            )
        )

        # when a task that names the topic is created
        request = models.CreateVideoLabelClassificationTaskRequest(
            project_name="immtest",
            source_uri=VIDEO,
            notification=models.Notification(mns=models.MNS(topic_name="labels")),
        )
        task_id = client.create_video_label_classification_task(request).body.task_id
        until(lambda: bool(endpoint.events))
        serving.run(messages.settled())
    database.close()

    # then the function's event holds IMM's message, which holds its content: three texts of JSON
    event = json.loads(endpoint.events[0])
    content = json.loads(json.loads(event["Message"])["content"])
    assert (content["TaskId"], content["Status"]) == (task_id, "Succeeded")
    assert [delivery.accepted for delivery in messages.deliveries] == [True]
