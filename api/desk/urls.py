"""The desk's pages at a glance, signing in first."""

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from django.urls import path

urlpatterns = [
    path("accounts/login", account.login, name="account_login"),
    path("accounts/logout", account.logout, name="account_logout"),
    path("accounts/inactive", account.account_inactive, name="account_inactive"),
    path("accounts/code", mfa.authenticate, name="mfa_authenticate"),
]
