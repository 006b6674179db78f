"""The shapes of the directory's answers, for the contract. They keep the standard's names and leave
out empty members. The schemas to validate against are at /v1/directory/schema/."""

from rest_framework import serializers

from directory.facets import INTAKES
from directory.hsds.profile import REPLACED_BY, SOMEWHERE, STAND_IN
from directory.models import PLACES, STATUSES


class SafetyLineOut(serializers.Serializer):
    name = serializers.CharField()
    phone = serializers.CharField()
    note = serializers.CharField(allow_blank=True)


class DirectoryOut(serializers.Serializer):
    """HSDS's root, with the lines to call when a person is in danger."""

    version = serializers.CharField(help_text="Of HSDS.")
    profile = serializers.URLField()
    profile_name = serializers.CharField()
    openapi_url = serializers.URLField()
    description = serializers.CharField()
    data_guide = serializers.URLField()
    safety_notice = serializers.CharField()
    safety_lines = SafetyLineOut(many=True)


class DirectoryExternalIdOut(serializers.Serializer):
    source = serializers.CharField()  # type: ignore[assignment]  # not DRF's own
    id = serializers.CharField()


class DirectoryProvenanceOut(serializers.Serializer):
    """Where an imported entry came from."""

    source = serializers.CharField(help_text="Its name here.")  # type: ignore[assignment]
    license = serializers.CharField(required=False, help_text="Of the source's data.")
    link = serializers.URLField(required=False, help_text="Where the source is.")
    imported = serializers.DateTimeField(
        required=False, help_text="When an import last wrote the entry."
    )


class DirectoryOrganizationOut(serializers.Serializer):
    """HSDS's organization as in a list; empty columns are left out."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    alternate_name = serializers.CharField(required=False)
    email = serializers.EmailField(required=False)
    website = serializers.URLField(required=False)
    tax_status = serializers.CharField(required=False)
    tax_id = serializers.CharField(required=False)
    year_incorporated = serializers.IntegerField(required=False)
    legal_status = serializers.CharField(required=False)
    logo = serializers.CharField(required=False)
    uri = serializers.URLField(required=False)
    parent_organization_id = serializers.UUIDField(required=False)
    confidential = serializers.BooleanField(help_text="Known to the network only.")
    external_ids = DirectoryExternalIdOut(many=True, required=False)
    stand_in = serializers.BooleanField(required=False, help_text=STAND_IN)


class DirectoryProgramOut(serializers.Serializer):
    id = serializers.UUIDField()
    name = serializers.CharField()
    alternate_name = serializers.CharField(required=False)
    description = serializers.CharField(allow_blank=True)


class DirectoryServiceOut(serializers.Serializer):
    """HSDS's service as in a list, with the victim services profile; empty columns are left out.

    With `full` an item of a list is the detail.
    """

    id = serializers.UUIDField()
    organization_id = serializers.UUIDField()
    program_id = serializers.UUIDField(required=False)
    name = serializers.CharField()
    status = serializers.ChoiceField(list(STATUSES))
    alternate_name = serializers.CharField(required=False)
    description = serializers.CharField(required=False)
    url = serializers.URLField(required=False)
    email = serializers.EmailField(required=False)
    interpretation_services = serializers.CharField(required=False)
    application_process = serializers.CharField(required=False)
    fees_description = serializers.CharField(required=False)
    wait_time = serializers.CharField(required=False)
    fees = serializers.CharField(required=False)
    accreditations = serializers.CharField(required=False)
    eligibility_description = serializers.CharField(required=False)
    minimum_age = serializers.FloatField(required=False)
    maximum_age = serializers.FloatField(required=False)
    assured_date = serializers.DateField(required=False, help_text="When it was last checked.")
    assurer_email = serializers.EmailField(required=False)
    licenses = serializers.CharField(required=False)
    alert = serializers.CharField(required=False)
    last_modified = serializers.DateTimeField()
    organization = DirectoryOrganizationOut()
    program = DirectoryProgramOut(required=False)
    answered_by = serializers.UUIDField(
        allow_null=True, help_text="The agency that takes referrals to it; null: phone only."
    )
    confidential = serializers.BooleanField(help_text="Known to the network only.")
    intake = serializers.ChoiceField(list(INTAKES))
    intake_paused = serializers.BooleanField()
    intake_paused_until = serializers.DateTimeField(
        required=False, help_text="When the pause ends by itself."
    )
    victimization_types = serializers.ListField(child=serializers.CharField())
    safe_contact_notes = serializers.CharField(required=False)
    external_ids = DirectoryExternalIdOut(many=True, required=False)
    replaced_by = serializers.UUIDField(required=False, help_text=REPLACED_BY)
    distance = serializers.IntegerField(
        required=False, help_text="In meters, if the search has a place."
    )
    somewhere_in = serializers.CharField(required=False, help_text=SOMEWHERE)


class DirectoryPhoneOut(serializers.Serializer):
    id = serializers.UUIDField()
    number = serializers.CharField()
    extension = serializers.IntegerField(required=False)
    type = serializers.CharField(required=False)
    description = serializers.CharField(required=False)


def several() -> serializers.ListField:
    """A list of the standard's objects, described by its own schemas."""
    return serializers.ListField(child=serializers.DictField(), required=False)


class DirectoryPlaceNestedOut(serializers.Serializer):
    """HSDS's service_at_location inside a service."""

    id = serializers.UUIDField()
    description = serializers.CharField(required=False)
    location = serializers.DictField()
    service_areas = several()
    contacts = several()
    phones = DirectoryPhoneOut(many=True, required=False)
    schedules = several()
    holiday_schedules = several()
    attributes = several()
    metadata = several()


class DirectoryOrganizationNestedOut(DirectoryOrganizationOut):
    """HSDS's organization with all of its own rows."""

    provenance = DirectoryProvenanceOut(required=False)
    additional_websites = several()
    funding = several()
    contacts = several()
    phones = DirectoryPhoneOut(many=True, required=False)
    locations = several()
    programs = several()
    organization_identifiers = several()
    attributes = several()
    metadata = several()


class DirectoryServiceDetailOut(DirectoryServiceOut):
    """HSDS's service with all related rows, nested as in the standard's schema `service`."""

    provenance = DirectoryProvenanceOut(required=False)
    organization = DirectoryOrganizationNestedOut()
    additional_urls = several()
    phones = DirectoryPhoneOut(many=True, required=False)
    schedules = several()
    holiday_schedules = several()
    service_areas = several()
    service_at_locations = DirectoryPlaceNestedOut(many=True, required=False)
    languages = several()
    funding = several()
    cost_options = several()
    required_documents = several()
    contacts = several()
    capacities = several()
    attributes = several()
    metadata = several()


class DirectoryOrganizationDetailOut(DirectoryOrganizationNestedOut):
    """An organization with its services: `id`, `name` and `status`, or all of each with
    `full_service`."""

    services = several()


class DirectoryLocationOut(serializers.Serializer):
    """HSDS's location. A confidential one has nothing that reveals where it is."""

    id = serializers.UUIDField()
    location_type = serializers.ChoiceField(list(PLACES))
    name = serializers.CharField(required=False)
    alternate_name = serializers.CharField(required=False)
    description = serializers.CharField(required=False)
    url = serializers.URLField(required=False)
    transportation = serializers.CharField(required=False)
    latitude = serializers.FloatField(required=False)
    longitude = serializers.FloatField(required=False)
    external_identifier = serializers.CharField(required=False)
    external_identifier_type = serializers.CharField(required=False)
    confidential = serializers.BooleanField()
    external_ids = DirectoryExternalIdOut(many=True, required=False)


class DirectoryPlaceOut(serializers.Serializer):
    """HSDS's service_at_location as in a list."""

    id = serializers.UUIDField()
    service_id = serializers.UUIDField()
    location_id = serializers.UUIDField()
    description = serializers.CharField(required=False)
    location = DirectoryLocationOut()
    service = DirectoryServiceOut()
    distance = serializers.IntegerField(
        required=False, help_text="In meters, if the search has a place."
    )
    somewhere_in = serializers.CharField(required=False, help_text=SOMEWHERE)


class DirectoryPlaceDetailOut(DirectoryPlaceNestedOut):
    """A service at a place, with the whole service."""

    service = DirectoryServiceDetailOut()


class DirectoryTaxonomyOut(serializers.Serializer):
    id = serializers.UUIDField()
    name = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    uri = serializers.URLField(required=False)
    version = serializers.CharField(required=False)


class DirectoryTermOut(serializers.Serializer):
    """A taxonomy term. The same term in another language is a term of its own with the same
    `code`."""

    id = serializers.UUIDField()
    code = serializers.CharField(required=False)
    name = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    parent_id = serializers.UUIDField(required=False)
    taxonomy = serializers.CharField(required=False)
    taxonomy_detail = DirectoryTaxonomyOut(required=False)
    language = serializers.CharField(required=False)
    term_uri = serializers.URLField(required=False)


class PageOut(serializers.Serializer):
    """HSDS's page."""

    total_items = serializers.IntegerField()
    total_pages = serializers.IntegerField()
    page_number = serializers.IntegerField(help_text="From 1.")
    size = serializers.IntegerField(help_text="Items on this page.")
    first_page = serializers.BooleanField()
    last_page = serializers.BooleanField()
    empty = serializers.BooleanField()
    total_items_capped = serializers.BooleanField(
        required=False, help_text="There are at least `total_items`: counting stopped there."
    )


class DirectoryServicePageOut(PageOut):
    contents = DirectoryServiceOut(many=True)
    facets = serializers.DictField(
        child=serializers.DictField(child=serializers.IntegerField()),
        required=False,
        help_text="For each filter, how many of the matches fit it (1,000 at most).",
    )


class DirectoryPlacePageOut(PageOut):
    contents = DirectoryPlaceOut(many=True)


class DirectoryOrganizationPageOut(PageOut):
    contents = DirectoryOrganizationOut(many=True)


class DirectoryTaxonomyPageOut(PageOut):
    contents = DirectoryTaxonomyOut(many=True)


class DirectoryTermPageOut(PageOut):
    contents = DirectoryTermOut(many=True)
