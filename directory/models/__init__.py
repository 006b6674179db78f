"""The source tables of HSDS 3.2, which imports and editors write.

They keep the standard's names. Each change renders them into the projections
(directory/models/projections.py), in its own transaction. Search, lists and entries are read from
the projections only. Taxonomies and their terms have none, because they are the same for every
caller: their lists, filters and counts of unmet searches read the source rows.
"""

from directory.models.contacts import Contact, Language, Phone
from directory.models.duplicates import Duplicate, DuplicateScan
from directory.models.earlier import EarlierText
from directory.models.keeping import (
    Edit,
    Editing,
    MistakeReport,
    Proposal,
    Quarantine,
    UnmetSearch,
)
from directory.models.places import (
    PLACES,
    Accessibility,
    Address,
    ConfidentialAddress,
    Location,
    Postcode,
    ServiceAtLocation,
)
from directory.models.projections import (
    Change,
    Milestone,
    NetworkListing,
    NetworkOrganization,
    NetworkPlace,
    PublicListing,
    PublicOrganization,
    PublicPlace,
    Total,
    Word,
)
from directory.models.rows import Entry, Organization, Part, Source
from directory.models.schedules import HolidaySchedule, Schedule
from directory.models.service_details import (
    CostOption,
    Funding,
    OrganizationIdentifier,
    RequiredDocument,
    ServiceArea,
    ServiceCapacity,
    Unit,
    Url,
)
from directory.models.services import OPEN_STATUSES, STATUSES, Program, Service
from directory.models.terms import (
    Attribute,
    Metadata,
    MetaTableDescription,
    Taxonomy,
    TaxonomyTerm,
    TermMeaning,
)
from directory.models.trainings import Training
from directory.models.verification import MailOptOut, Verification

__all__ = [
    "OPEN_STATUSES",
    "PLACES",
    "STATUSES",
    "Accessibility",
    "Address",
    "Attribute",
    "Change",
    "ConfidentialAddress",
    "Contact",
    "CostOption",
    "Duplicate",
    "DuplicateScan",
    "EarlierText",
    "Edit",
    "Editing",
    "Entry",
    "Funding",
    "HolidaySchedule",
    "Language",
    "Location",
    "MailOptOut",
    "MetaTableDescription",
    "Metadata",
    "Milestone",
    "MistakeReport",
    "NetworkListing",
    "NetworkOrganization",
    "NetworkPlace",
    "Organization",
    "OrganizationIdentifier",
    "Part",
    "Phone",
    "Postcode",
    "Program",
    "Proposal",
    "PublicListing",
    "PublicOrganization",
    "PublicPlace",
    "Quarantine",
    "RequiredDocument",
    "Schedule",
    "Service",
    "ServiceArea",
    "ServiceAtLocation",
    "ServiceCapacity",
    "Source",
    "Taxonomy",
    "TaxonomyTerm",
    "TermMeaning",
    "Total",
    "Training",
    "Unit",
    "UnmetSearch",
    "Url",
    "Verification",
    "Word",
]
