"""The sandbox's addresses. api/urls.py includes them where settings.SANDBOX is true."""

from django.urls import path

from api.sandbox import views

urlpatterns = [
    path("demo", views.page, name="sandbox"),
    path("demo/clock", views.read_or_move_clock, name="sandbox_clock"),
    path("demo/reset", views.start_over, name="sandbox_reset"),
    path("demo/scenarios/<slug:name>", views.play, name="sandbox_play"),
    path("demo/webhooks", views.webhooks, name="sandbox_webhooks"),
    path("demo/webhooks/<slug:name>", views.receive, name="sandbox_receive"),
]
