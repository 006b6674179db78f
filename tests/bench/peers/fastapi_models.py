"""The tables of the peer that is made with SQLAlchemy: reflected."""

import os
from typing import Any
from uuid import UUID

from bench.peers.shapes import uuid7
from sqlalchemy import create_engine
from sqlalchemy.ext.declarative import DeferredReflection
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship, sessionmaker

engine = create_engine(os.environ["BENCH_DSN"].replace("postgresql:", "postgresql+psycopg2:", 1))
Session = sessionmaker(engine, expire_on_commit=False)


class Base(DeferredReflection, DeclarativeBase):
    pass


class Agency(Base):
    __tablename__ = "permissions_agency"


class Member(Base):
    __tablename__ = "permissions_membership"


class Client(Base):
    __tablename__ = "permissions_client"


class Assertion(Base):
    __tablename__ = "permissions_clientassertion"


class Credential(Base):
    __tablename__ = "credential"
    hash: Mapped[bytes] = mapped_column(primary_key=True)


class Permission(Base):
    __tablename__ = "auth_permission"


class Listing(Base):
    __tablename__ = "directory_listing"
    id: Mapped[UUID] = mapped_column(primary_key=True)


class Entry(Base):
    __tablename__ = "access_entry"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)


class Row(Base):
    __abstract__ = True
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)


class Referral(Row):
    __tablename__ = "referral"
    from_agency: Mapped[Agency] = relationship(foreign_keys="Referral.from_agency_id")
    to_agency: Mapped[Agency] = relationship(foreign_keys="Referral.to_agency_id")
    sides: Mapped[list["Side"]] = relationship(back_populates="referral")
    assignments: Mapped[list["Assignment"]] = relationship(order_by="Assignment.id")
    blocks: Mapped[list["Block"]] = relationship(order_by="Block.set_at")
    releases: Mapped[list["Release"]] = relationship(order_by="Release.created_at.desc()")
    plans: Mapped[list["Plan"]] = relationship()


class Side(Row):
    __tablename__ = "referral_side"
    referral: Mapped[Referral] = relationship(back_populates="sides")


class Assignment(Row):
    __tablename__ = "referral_assignment"


class Event(Row):
    __tablename__ = "referral_event"


class Release(Row):
    __tablename__ = "release"


class ReleasePaper(Row):
    __tablename__ = "release_paper"


class ReleaseEnd(Row):
    __tablename__ = "release_end"


class Block(Row):
    __tablename__ = "conflict_block"


class Plan(Row):
    __tablename__ = "referral_plan"


class SelfAssignment(Row):
    __tablename__ = "self_assignment"


class Grant(Row):
    __tablename__ = "packet_grant"


class PacketField(Row):
    __tablename__ = "packet_field"


class PrivateKey(Row):
    __tablename__ = "private_key"


class Note(Row):
    __tablename__ = "note"


Base.prepare(engine)
MODELS: dict[str, Any] = {one.class_.__tablename__: one.class_ for one in Base.registry.mappers}
