"""The composition root: the one module that knows every package."""

from __future__ import annotations

import datetime as dt
import threading
from typing import TYPE_CHECKING

from flask import Flask
from flask_migrate import Migrate

import activities.api
import activities.defaults
import activities.doorway
import activities.handing_on
import activities.jobs
import activities.panels
import activities.served
import activities.staff_api
import activities.verify
import activities.views
import admin.api
import admin.blueprints
import admin.bulletins
import admin.console
import admin.console_feed_files
import admin.console_feeders
import admin.console_orders
import admin.console_people
import admin.console_proofs
import admin.console_rates
import admin.console_rules
import admin.console_settings
import admin.demo.cli
import admin.desk
import admin.desk_activities
import admin.desk_acts
import admin.desk_agents
import admin.desk_amend
import admin.desk_correct
import admin.desk_corrections
import admin.desk_counter
import admin.desk_deductions
import admin.desk_endings
import admin.desk_helpers
import admin.desk_households
import admin.desk_import
import admin.desk_item
import admin.desk_list
import admin.desk_orders
import admin.desk_people
import admin.desk_register
import admin.desk_roster
import admin.desk_rules
import admin.desk_session
import admin.desk_settings
import admin.desk_sheets
import admin.desk_station
import admin.expiry
import admin.field
import admin.notices
import admin.own_messages
import admin.own_sign_ins
import admin.statements
import core.api
import exchange.api
import exchange.defaults
import exchange.heirs
import exchange.moving
import exchange.moving_api
import exchange.orders
import exchange.panels
import exchange.shared_views
import exchange.verify
import exchange.views
import points.api
import points.bulletins.api
import points.bulletins.views
import points.cli
import points.correcting.api
import points.correcting.views
import points.defaults
import points.earning.api
import points.feeds.api
import points.feeds.hours_api
import points.jobs
import points.panels
import points.proof.api
import points.proof.verify
import points.statements.api
import points.statements.check_views
import points.statements.views
import points.subscribers
import points.views
import residents.api
import residents.cli
import residents.directory
import residents.grants_api
import residents.identity
import residents.local_api
import residents.own_views
import residents.views
from core import cli, health, http, identity, jobs, limits, logs, outbox, refused
from core.config import ROOT, Config
from core.db import db
from core.db import init_app as init_db
from core.errors import N_
from core.jobs import Daily, Every, Job
from core.work import Runtime, Subscribers, clock_from, transact
from points.events import LineReversed, PointsLapse, PointsWanted, ProofFailed, RuleOutsideBand
from residents.events import (
    PlaceEnded,
    PlacesLoaded,
    ResidentConfirmed,
    ResidentDied,
    ResidentLives,
    ResidentsAdded,
)

if TYPE_CHECKING:
    from core.panels import Panel
    from points.proof.checks import Check

BLUEPRINTS = (
    health.bp,
    residents.views.bp,
    residents.own_views.bp,
    points.views.bp,
    points.statements.views.bp,
    points.bulletins.views.bp,
    points.statements.check_views.bp,
    points.correcting.views.bp,
    activities.views.bp,
    activities.views.venue,
    exchange.views.bp,
    exchange.shared_views.bp,
    exchange.views.pickup_bp,
    admin.blueprints.desk,
    admin.blueprints.console,
    admin.field.bp,
)
API_BLUEPRINTS = (
    core.api.bp,
    residents.api.public_bp,
    residents.api.bp,
    points.api.bp,
    points.statements.api.public_bp,
    points.statements.api.bp,
    points.correcting.api.bp,
    points.earning.api.bp,
    points.feeds.api.feed_bp,
    points.feeds.api.bp,
    points.feeds.hours_api.bp,
    residents.grants_api.bp,
    residents.local_api.bp,
    points.bulletins.api.bp,
    activities.api.public_bp,
    activities.api.bp,
    activities.staff_api.bp,
    exchange.api.bp,
    exchange.moving_api.bp,
    points.proof.api.bp,
    admin.api.bp,
)
COMMANDS = (
    admin.demo.cli.demo,
    cli.serve,
    cli.scheduler,
    cli.jobs,
    points.cli.verify,
    residents.cli.places,
    residents.cli.grants,
)

SUBSCRIBERS: Subscribers = {
    PlacesLoaded: (
        points.subscribers.open_system_accounts,
        points.defaults.load_rules,
        activities.defaults.load_templates,
        exchange.defaults.load_items,
        exchange.defaults.seed_rates,
    ),
    ResidentsAdded: (points.subscribers.open_holders,),
    PlaceEnded: (activities.handing_on.hand_on, points.subscribers.hand_on),
    ResidentDied: (points.subscribers.end_account,),
    ResidentLives: (points.subscribers.reopen_account,),
    ResidentConfirmed: (points.subscribers.award_verified,),
    RuleOutsideBand: (admin.notices.tell_district,),
    ProofFailed: (admin.notices.tell_of_broken,),
    LineReversed: (exchange.orders.order_reversed,),
    PointsWanted: (exchange.moving.bring_back,),
    PointsLapse: (points.correcting.shortages.collect_lapsing,),
}

CHECKS: tuple[Check, ...] = (
    *points.proof.verify.CHECKS,
    *activities.verify.CHECKS,
    *exchange.verify.CHECKS,
)

JOBS: tuple[Job, ...] = (
    Job(
        "settle-awards",
        N_("夜里到账"),
        Daily(setting="points.settle_at"),
        points.jobs.settle_awards,
        N_("到账 %(count)s 笔"),
    ),
    Job(
        "settle-at-once",
        N_("当场到账"),
        Every(dt.timedelta(minutes=1)),
        points.jobs.settle_awards,
        N_("到账 %(count)s 笔"),
    ),
    Job(
        "lapse-holds",
        N_("退回过期的预留"),
        Every(dt.timedelta(minutes=5)),
        points.jobs.lapse_holds,
        N_("退回 %(count)s 笔"),
    ),
    Job(
        "fold-deltas",
        N_("汇总社区账本"),
        Every(dt.timedelta(hours=1)),
        points.jobs.fold,
        N_("汇总 %(count)s 笔"),
    ),
    Job(
        "remind-corrections",
        N_("提醒快到期的分数反映"),
        Daily(at=dt.time(9)),
        points.jobs.remind_corrections,
        N_("提醒 %(count)s 次"),
    ),
    Job(
        "close-day",
        N_("结清前一天的账"),
        Daily(at=dt.time(0, 30)),
        points.jobs.close_day,
        N_("结清 %(count)s 天"),
    ),
    Job(
        "seal-days",
        N_("封存结清的账"),
        Daily(at=dt.time(0, 45)),
        points.jobs.seal_days,
        N_("封存 %(count)s 天"),
    ),
    Job(
        "expire-points",
        N_("年底到期"),
        Daily(at=dt.time(1, 0)),
        points.jobs.expire_points,
        N_("到期 %(count)s 人"),
    ),
    Job(
        "follow-residents",
        N_("搬家以后到的积分跟过去"),
        Daily(at=dt.time(2, 40)),
        exchange.moving.follow_residents,
        N_("跟过去 %(count)s 份"),
    ),
    Job(
        "warn-expiry",
        N_("提醒年底到期的积分"),
        Daily(at=dt.time(9, 10)),
        points.jobs.warn_expiry,
        N_("提醒 %(count)s 人"),
    ),
    Job(
        "warn-heirs",
        N_("提醒家人用完留下的积分"),
        Daily(at=dt.time(9, 20)),
        exchange.heirs.warn_families,
        N_("提醒 %(count)s 人"),
    ),
    Job(
        "prove-changes",
        N_("核对新记的账"),
        Every(dt.timedelta(minutes=15)),
        lambda: points.jobs.prove_changes(CHECKS),
        N_("成立 %(count)s 条"),
    ),
    Job(
        "prove-all",
        N_("把账从头核一遍"),
        Daily(at=dt.time(3, 10)),
        lambda: points.jobs.prove_all(CHECKS),
        N_("成立 %(count)s 条"),
    ),
    Job(
        "post-bulletins",
        N_("贴出上个月的积分公示"),
        Daily(at=dt.time(10)),
        points.jobs.post_bulletins,
        N_("贴出 %(count)s 个社区的"),
    ),
    Job(
        "clean-limits",
        N_("清理过期的次数和任务记录"),
        Daily(at=dt.time(3, 30)),
        lambda: f"cleaned {transact(limits.clean, None).used + transact(jobs.clean, None).runs}",
        N_("清理 %(count)s 条"),
    ),
    Job(
        "forget-feeds",
        N_("清理半年前的接入记录"),
        Daily(at=dt.time(3, 50)),
        points.jobs.forget_feeds,
        N_("清理 %(count)s 条"),
    ),
    Job(
        "send-outbox",
        N_("发送消息"),
        Every(dt.timedelta(seconds=20)),
        lambda: f"sent {outbox.deliver_due()}",
        N_("发出 %(count)s 条"),
    ),
    Job(
        "lapse-orders",
        N_("退回过期未领的兑换单"),
        Every(dt.timedelta(seconds=60)),
        exchange.orders.lapse_orders,
        N_("退回 %(count)s 单"),
    ),
    Job(
        "close-sessions",
        N_("场次结束，补记没有签退的"),
        Every(dt.timedelta(minutes=5)),
        lambda: f"exits {activities.jobs.close_sessions()}",
        N_("补记 %(count)s 人次"),
    ),
)

PANELS: dict[str, tuple[Panel, ...]] = {
    "home.top": (
        exchange.panels.asked,
        exchange.panels.shares_asked,
        points.panels.asked_help,
        exchange.panels.ready,
        points.panels.purse,
    ),
    "home": (
        activities.panels.next_session,
        activities.panels.nearby,
        exchange.panels.arrivals,
        exchange.panels.kept,
        points.panels.bulletin,
    ),
    "elder.top": (
        exchange.panels.asked,
        exchange.panels.shares_asked,
        points.panels.asked_help,
        exchange.panels.ready,
    ),
    "elder.activities": (activities.panels.today_in_a_line,),
    "elder.points": (points.panels.elder,),
    "points.holds": (exchange.panels.held,),
}


def create_app(config: Config | None = None) -> Flask:
    """Make the application from its configuration (default: the environment)."""
    config = config or Config.from_environment()
    logs.start()
    if config.is_sqlite:
        config.instance.mkdir(parents=True, exist_ok=True)
    app = Flask(__name__, instance_path=str(config.instance), static_folder=None)
    init_db(app, config.database_url)
    Migrate(app, db, directory=str(ROOT / "migrations"), render_as_batch=True, compare_type=True)
    app.extensions["linli"] = Runtime(
        clock=clock_from(config.clock),
        subscribers=SUBSCRIBERS,
        config=config,
        writer=threading.Lock() if config.is_sqlite else None,
    )
    app.extensions["linli.jobs"] = JOBS
    app.extensions["linli.checks"] = CHECKS
    app.extensions["linli.panels"] = PANELS
    app.extensions["linli.directory"] = residents.directory.ResidentsDirectory()
    app.extensions["linli.served"] = activities.served.ServedAtSessions()
    app.extensions["linli.doorway"] = activities.doorway.PresenceDoorway()
    identity.init_app(app, residents.identity.actor_of)
    api = http.init_app(app, config)
    refused.init_app(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    for blueprint in API_BLUEPRINTS:
        api.register_blueprint(http.api_blueprint(blueprint), url_prefix="/api/v1")
    for command in COMMANDS:
        app.cli.add_command(command)
    return app
