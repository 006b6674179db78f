"""The code lists: GET /v1/codes."""

from functools import lru_cache

from django.http import HttpRequest
from django.utils import translation
from django.utils.translation import gettext
from drf_spectacular.utils import extend_schema
from rest_framework import serializers

from api.http.endpoints import Endpoint
from api.http.json_bodies import Answer
from openapi.schema import problems
from referrals.codes import CODE_LISTS, VERSION


class CodeOut(serializers.Serializer):
    code = serializers.CharField()
    en = serializers.CharField()
    es = serializers.CharField()


class CodesOut(serializers.Serializer):
    version = serializers.CharField(help_text="The day of the last addition. No code is renamed.")
    lists = serializers.DictField(child=CodeOut(many=True))


class Codes(Endpoint):
    public = True

    @extend_schema(operation_id="codes", responses={200: CodesOut, **problems(400, 401, 503)})
    def get(self, request: HttpRequest) -> Answer:
        """List every coded value, with its English and Spanish label."""
        return self.answer(CodesOut, {"version": VERSION, "lists": _lists()})


@lru_cache
def _lists() -> dict[str, list[dict[str, str]]]:
    with translation.override("es"):
        return {
            name: [{"code": code, "en": en, "es": gettext(en)} for code, en in codes.items()]
            for name, codes in CODE_LISTS.items()
        }
