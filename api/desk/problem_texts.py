"""Explains each code of a refusal to people: what happened and what to do. Served at /problems/."""

from typing import NamedTuple

from django.utils.translation import gettext_lazy as _

from api.texts import StrOrPromise


class Problem(NamedTuple):
    happened: StrOrPromise
    do: StrOrPromise


_AGAIN = _("Correct it and send the request again.")
_CALL = _("Call the service. The numbers are on every page.")

PROBLEMS = {
    # -- Who is asking
    "not_authenticated": Problem(
        _("No access token or session came with the request, or it has ended."),
        _("Sign in again, or fetch a new token."),
    ),
    "acting_member": Problem(
        _("The header Acting-Member is neither an id nor a staff number."),
        _("Send a member's id, or staff_ref: and their staff number, as in staff_ref:4711."),
    ),
    "acting_member_needed": Problem(
        _("The act concerns a person, and no member of staff was named."),
        _("Name the staff member who acts, in the header Acting-Member."),
    ),
    "acting_member_unknown": Problem(
        _("The named member of staff is not, or no longer, in this agency."),
        _("Name a member who is."),
    ),
    "address_not_allowed": Problem(
        _("The partner system came from a network that its agency did not name."),
        _(
            "If that was the system itself, ask your agency's administrator to add the network. If"
            " it was not, its key or token was stolen: end its access at once."
        ),
    ),
    "budget_spent": Problem(
        _(
            "A partner system opened packets or notes of as many referrals within 24 hours as it"
            " may."
        ),
        _(
            "Open it at the desk. If it was not the system itself, its key was stolen: end its"
            " access at once. Otherwise ask your agency's administrator to raise the limit."
        ),
    ),
    "busy": Problem(
        _("As many whole lists or files as possible were being sent."),
        _("Wait a minute, then try again."),
    ),
    "too_many_requests": Problem(
        _("More requests came than one caller may send in a short time."),
        _("Wait a minute, then try again."),
    ),
    "too_often": Problem(
        _("This was done as often as it may be done within an hour."),
        _("Wait, then try again."),
    ),
    "no_exercise": Problem(
        _("No exercise is under way with this code."),
        _("Ask the person who leads the exercise. It ends by itself after four hours."),
    ),
    "in_exercise": Problem(
        _("You are in an exercise already."), _("Leave it first: the band on each page has a way.")
    ),
    "not_begun_by_you": Problem(
        _("Only who began an exercise ends it for everyone."), _("You can leave it at any time.")
    ),
    "not_in_practice": Problem(
        _("This page is not part of an exercise."),
        _("Leave practice first: the band on each page has a way."),
    ),
    "practice_at_the_desk": Problem(
        _("The session is in an exercise, which has the desk's pages and nothing else."),
        _("Leave practice first, at the desk."),
    ),
    "not_invented": Problem(
        _("In an exercise no text can be written but the invented one that is given."),
        _("Open the page again, and leave the texts as they are."),
    ),
    "provider_away": Problem(
        _("Your agency's own sign-in does not answer, so Cairn cannot ask whether you may go on."),
        _("Try again in a few minutes. With a passkey here, an open sign-in goes on for 12 hours."),
    ),
    "provider_off": Problem(
        _("Your agency's own sign-in is switched off."),
        _("Sign in with your passkey, or with your password and second step."),
    ),
    "provider_there": Problem(
        _("Your agency has a sign-in of its own already."), _("Remove it first.")
    ),
    "provider_not_tested": Problem(
        _("Your agency's own sign-in was not tested yet."), _("Press “Test it” first.")
    ),
    "account_linked": Problem(
        _("This account at your agency is linked to someone else here."),
        _("Ask your agency's administrator, who can unlink it."),
    ),
    "last_own_sign_in": Problem(
        _("This is the last administrator who signs in without your agency's own sign-in."),
        _("Make another member an administrator who keeps a sign-in here. Then do it again."),
    ),
    "csrf": Problem(
        _("The page was open too long, or was opened in another tab before you signed in."),
        _("Reload the page and try again. Nothing was changed."),
    ),
    "bad_password": Problem(_("The user name or password is wrong."), _("Try again.")),
    "bad_code": Problem(
        _("The one-time code was wrong, or had been used before."), _("Wait for the next one.")
    ),
    "too_many_tries": Problem(
        _("There were too many sign-in attempts with one name or from one network."),
        _("Wait five minutes, then try again."),
    ),
    "account_closed": Problem(
        _("The password was right, and the account is closed."),
        _("Ask your agency's administrator."),
    ),
    "no_second_factor": Problem(
        _("The account has no passkey and no authenticator app."),
        _("Ask a lead or administrator of your agency: they can send you a link."),
    ),
    "no_agency": Problem(
        _("The account is not linked to an agency."),
        _("Ask your agency's administrator to invite you."),
    ),
    "bad_assertion": Problem(
        _("The client's assertion is wrong, expired or was used before."),
        _("Sign a new one with the registered key (RFC 7523)."),
    ),
    "assertion_algorithm": Problem(
        _("The client's assertion names a signing algorithm that is not taken."),
        _("Sign it with one of those at /.well-known/oauth-authorization-server."),
    ),
    "assertion_key": Problem(
        _("No registered key of the client signed the assertion."),
        _(
            "Sign with the registered key, or register the new one. If the `kid` is set, it must be"
            " that key's."
        ),
    ),
    "assertion_issuer": Problem(
        _("The assertion's `iss` or `sub` is not the client ID."),
        _("Set both to the client ID, letter for letter."),
    ),
    "assertion_audience": Problem(
        _("The assertion's `aud` is not the address of the token endpoint."),
        _("Set it to that address alone, as a text, letter for letter."),
    ),
    "assertion_expired": Problem(
        _("The assertion had expired."),
        _("Sign a new one for each token request, and set the system's clock."),
    ),
    "assertion_too_long": Problem(
        _("The assertion is valid for longer than five minutes."),
        _("Set `exp` to at most five minutes from now, and set the system's clock."),
    ),
    "assertion_not_yet": Problem(
        _("The assertion is not valid yet."),
        _("Leave `nbf` out, or set the system's clock."),
    ),
    "assertion_jti": Problem(
        _("The assertion's `jti` is too short, too long, or holds an invalid character."),
        _("Use a random text of 8 to 200 characters, such as a UUID."),
    ),
    "assertion_replayed": Problem(
        _("The assertion was used before."),
        _("Sign a new one, with a new `jti`, for each token request."),
    ),
    "assertion_claims": Problem(
        _("A claim of the assertion is missing or of the wrong type."),
        _("Send iss, sub, aud, exp and jti: `exp` as a number, the others as texts."),
    ),
    "unknown_client": Problem(
        _("This partner system is unknown, or its access has ended."),
        _("Ask the agency's administrator, who adds partner systems and restores their access."),
    ),
    "policy": Problem(
        _("The right to this ended while it was being done; the database refused."),
        _("Look at the referral again."),
    ),
    # -- The shape of the request
    "invalid": Problem(_("A value is missing or not of the documented shape."), _AGAIN),
    "unknown_code": Problem(_("A value is not one of its code list."), _("See the list of codes.")),
    "unknown_field": Problem(_("A field is not part of the documented shape."), _("Leave it out.")),
    "unknown_postcode": Problem(
        _("We do not know where this ZIP code is."),
        _("Give latitude and longitude, or a ZIP code nearby."),
    ),
    "unknown_parameter": Problem(_("A query parameter is not documented."), _("Leave it out.")),
    "repeated_parameter": Problem(
        _("A query parameter was given more than once."), _("Send it once.")
    ),
    "duplicate_key": Problem(_("A key appears twice in one JSON object."), _("Send it once.")),
    "not_an_object": Problem(_("The body is JSON, but not an object."), _("Send an object.")),
    "not_json": Problem(_("The body is not JSON in UTF-8."), _AGAIN),
    "not_text": Problem(_("A text contains an invalid character."), _("Take it out.")),
    "too_deep": Problem(
        _("The JSON is nested deeper than ten levels, or a document of the directory than twenty."),
        _("Send a flatter one."),
    ),
    "too_large": Problem(_("The body is larger than 256 KiB."), _("Send a smaller one.")),
    "length_required": Problem(
        _("The body came without its length."), _("Send it with the header Content-Length.")
    ),
    "media_type": Problem(
        _("The body is not plain JSON."), _("Send application/json, uncompressed.")
    ),
    "not_acceptable": Problem(
        _("The answer was asked for in a form that this server does not have."),
        _("Ask for JSON: application/fhir+json."),
    ),
    "not_fhir": Problem(
        _("The resource is not of FHIR's shape."),
        _("Compare it with FHIR R4: `expression` says where it differs."),
    ),
    "not_supported": Problem(
        _("FHIR knows this element or value, and this server does not take it."),
        _("Leave it out, or send what the page of deviations says: /docs/fhir.md."),
    ),
    "method_not_allowed": Problem(
        _("This address does not answer that method."), _("The header Allow names those it does.")
    ),
    "callback": Problem(
        _("The call-back number is not a phone number."),
        _("Give the worker's number. Never the survivor's."),
    ),
    "needs_missing": Problem(_("No need was named."), _("Name at least one.")),
    "fields_missing": Problem(_("No field was written."), _("Write at least one.")),
    "field_length": Problem(_("A field is empty or too long."), _("Write 1 to 4000 characters.")),
    "note_length": Problem(_("The note is empty or too long."), _("Write 1 to 4000 characters.")),
    "cursor": Problem(
        _("The cursor belongs to another list, another caller or another filter."),
        _("Start over at the first page."),
    ),
    "idempotency_key": Problem(
        _("The Idempotency-Key is empty or too long."), _("Send 1 to 128 printable characters.")
    ),
    "idempotency_key_unused": Problem(
        _("This request takes no Idempotency-Key: its repeat makes nothing new, or is counted."),
        _("Send it without one. The contract says what a repeat does (x-repeat)."),
    ),
    # -- What may be seen and done
    "not_found": Problem(
        _("There is nothing at this address that you may see."),
        _("Check the address. If a coworker sent it to you, ask them to add you to the referral."),
    ),
    "refused": Problem(_("The act was refused."), _("Nothing was changed.")),
    "not_permitted": Problem(_("You may see this, but not do that to it."), _("Ask your lead.")),
    "role_missing": Problem(
        _("Your role in this agency does not include this."),
        _("Ask a worker or lead, or your agency's administrator."),
    ),
    "scope_missing": Problem(
        _("The client was not given the scope for this."), _("Ask for the scope.")
    ),
    "wrong_side": Problem(
        _("Only the other agency can do this."), _("Call them and give the reference.")
    ),
    "not_assigned": Problem(
        _("Only the members who work on this referral can do this."),
        _("Ask the coworker who has it, or your lead."),
    ),
    "not_system_of_record": Problem(
        _("The agency did not make this client a system of record."),
        _("Packets are opened by its assigned members in person."),
    ),
    "member_unknown": Problem(
        _("There is no such worker or lead in this agency."), _("Name a member who works here.")
    ),
    "reason_missing": Problem(
        _("A lead who self-assigns must give a reason. Another member is shown it."),
        _("Send a reason of the list self_assignment."),
    ),
    "barred": Problem(
        _("At the survivor's request, this person may not see the referral."),
        _("Name another person."),
    ),
    "barring_yourself": Problem(
        _("You cannot keep yourself out."),
        _("Hand it off to a coworker, who can then keep you out."),
    ),
    "whom": Problem(_("No one to keep out was named."), _("Name a member or the other agency.")),
    "take_over_instead": Problem(_("You cannot hand it off to yourself."), _("Take it over.")),
    # -- The state of things
    "wrong_state": Problem(
        _("The referral has changed, so this cannot be done now."),
        _("Open it again. It shows what can be done now."),
    ),
    "stale": Problem(_("It was changed since you read it."), _("Read it again, then repeat.")),
    "match_required": Problem(_("The header If-Match is missing."), _("Send the ETag you read.")),
    "not_possible": Problem(_("A condition for this is not met."), _("The message says which.")),
    "conflict": Problem(
        _("It is in conflict with another request."), _("Wait a moment, then repeat.")
    ),
    "in_flight": Problem(
        _("The same request is still under way."), _("Wait a moment, then repeat.")
    ),
    "key_reused": Problem(
        _("This Idempotency-Key was used with another body."),
        _("Take a new key for a new request."),
    ),
    "opt_in_stands": Problem(
        _("That agency's auditors may read your log already."),
        _("Stop the current sharing first, then start again."),
    ),
    "no_reference": Problem(_("No free reference was found."), _("Try again.")),
    "service_unknown": Problem(_("There is no such service in the directory."), _("Search again.")),
    "service_moved": Problem(
        _("The service is no longer answered by the agency of this draft."),
        _("Start a new referral."),
    ),
    "service_paused": Problem(_("The service is not accepting clients right now."), _CALL),
    "nobody_to_answer": Problem(_("No one there can answer right now."), _CALL),
    "terms_unsigned": Problem(
        _("Your agency has not signed the network's terms."),
        _("Your administrator signs them under Terms. Until then, call."),
    ),
    "terms_changed": Problem(
        _("The network's terms have changed since you opened them."), _("Read them again.")
    ),
    "terms_unsigned_there": Problem(
        _("That agency has not signed the network's terms, so it cannot accept."), _CALL
    ),
    "too_many_waiting": Problem(
        _("Fifty of your referrals from one day are still waiting there."), _CALL
    ),
    "phone_only": Problem(
        _("No agency in this network answers for that service."), _("Call it and record the call.")
    ),
    "answered_here": Problem(
        _("The service is answered in this network."),
        _("Make a referral; no call record is needed."),
    ),
    "own_service": Problem(_("It is your own agency's service."), _("No referral is needed.")),
    # -- The survivor's permission
    "no_release": Problem(
        _("There is no permission in force."),
        _("Record the survivor's permission first, if they give it."),
    ),
    "signature_missing": Problem(
        _("The permission says that it was signed, and nothing that was signed goes with it."),
        _(
            "At the desk: let the survivor sign on the screen or on their own phone, or on paper. A"
            " system names the form `screen` or `own_phone` with `artifact_sha256`, the SHA-256 of"
            " what was signed in it; or `written`, for a paper that your agency keeps. The form"
            " `e_signature` of earlier releases is not taken any more."
        ),
    ),
    "nothing_drawn": Problem(
        _("The box to sign in is empty, or has a dot or a scratch in it."),
        _("Draw the signature in the box. Who cannot draw there signs on paper."),
    ),
    "name_missing": Problem(
        _("The law asks for the name of the person on this paper."),
        _("Type the name of each person who signs."),
    ),
    "signature_altered": Problem(
        _("What was signed and the permission on file are not the same: one was changed."),
        _("Share nothing more by it. Tell the network's operator at once."),
    ),
    "signing_over": Problem(
        _("No page with this address waits for a signature."),
        _("It works once, for ten minutes. Ask for a new one."),
    ),
    "notice_release_missing": Problem(
        _(
            "Your agency may send a notice only with the survivor's signed permission for it (34"
            " U.S.C. 12291(b)(2))."
        ),
        _("Record what they signed, then send it. Otherwise call, and record the call."),
    ),
    "not_bound": Problem(
        _("Your agency's duties ask for no signature on a notice."), _("Nothing is needed.")
    ),
    "call_instead": Problem(
        _(
            "The survivor could not be asked, and your agency sends nothing about a person who has"
            " not signed (34 U.S.C. 12291(b)(2))."
        ),
        _("Call the recipient, and record the call."),
    ),
    "sealed": Problem(
        _("The packet is closed: no permission is in force, or nothing was written yet."),
        _("Call the sender and give the reference. The referral continues without the packet."),
    ),
    "basis": Problem(
        _("The law that binds your agency asks for another kind of permission."),
        _("Use the kind that the message names."),
    ),
    "form": Problem(
        _(
            "This kind of permission, or sharing under 42 CFR part 2, needs the survivor's"
            " signature."
        ),
        _("Get it signed first, on paper or on the screen, or leave substance use out."),
    ),
    "attestation_missing": Problem(
        _("The survivor must hear everything on the list before they agree."),
        _("Tell them, then check it."),
    ),
    "part2": Problem(
        _("Substance-use records do not go to police, prosecutors or child protection."),
        _("Leave that field out."),
    ),
    "part2_legal_alone": Problem(
        _(
            "Permission to use treatment records in a legal matter cannot be combined with any"
            " other (42 CFR 2.31(d))."
        ),
        _("Record it by itself, or choose another reason."),
    ),
    "not_a_government_authority": Problem(
        _(
            "A spoken agreement under HIPAA is for reports of abuse to police or child protection"
            " (45 CFR 164.512(c)). This recipient is neither."
        ),
        _("Have the survivor sign a HIPAA authorization, on paper or on the screen."),
    ),
    "minor_by_agreement": Problem(
        _("A spoken agreement under HIPAA does not cover a minor (45 CFR 164.512(c))."),
        _(
            "Report child abuse as the law asks, by phone. For anything else, have an authorization"
            " signed."
        ),
    ),
    "signed_later": Problem(_("The signature is in the future."), _("Correct the time.")),
    "expired": Problem(
        _("The permission has ended already."), _("Record a new one, if they give it.")
    ),
    "too_long": Problem(_("The permission lasts longer than it may."), _("Choose a shorter time.")),
    "abuser": Problem(
        _("A person who abused the survivor or the other parent cannot consent."),
        _("Another parent, a guardian or a court-appointed guardian is needed."),
    ),
    "self_missing": Problem(_("The survivor has to consent too."), _("Ask them.")),
    "promptly_inform": Problem(
        _("HIPAA requires that the survivor is promptly informed of the disclosure."),
        _("Choose how they are informed, or which of the rule's exceptions applies."),
    ),
    "part2_notice": Problem(
        _("Substance-use records carry the notice of 42 CFR 2.32 and no other."),
        _("Leave the notice out: it is set."),
    ),
    "unknown_member": Problem(
        _("That person is not a member of your agency."), _("Name a member.")
    ),
    "safe_contact": Problem(
        _("How to contact the survivor safely applies to every contact detail and goes with them."),
        _("Leave it in, or remove the contact details as well."),
    ),
    "not_accepted": Problem(
        _("Only an accepted referral that no one has started on can be given back, by its holder."),
        _("See its page for what can be done now."),
    ),
    "undone_before": Problem(
        _("The accept of this referral was taken back once before."),
        _("Close the referral with “Could not help”."),
    ),
    "too_late": Problem(
        _("An accept can be taken back for five minutes."),
        _("Close the referral with “Could not help”."),
    ),
    "worked_on_since": Problem(
        _("Your agency opened the packet or worked on the referral since the accept."),
        _("Close the referral with “Could not help”."),
    ),
    "after_undo": Problem(
        _("After an accept was taken back, a decline gives a fact about the agency only."),
        _("Choose no room, outside the area, or not your service."),
    ),
    "open_both_first": Problem(
        _("Only a member who has opened both packets can link two referrals."),
        _("Open both, then link them."),
    ),
    "replaces_unknown": Problem(
        _("There is no such referral of your agency's that you work on."),
        _("Name one that you sent, or start one without it."),
    ),
    "no_duty_line": Problem(
        _("Your agency has no duty line to fall back on."), _("Name a worker's number.")
    ),
    "client_only": Problem(
        _("Only a partner system can confirm that a system has received it."),
        _("Use “Acknowledge” instead."),
    ),
    "widening": Problem(
        _("A release is made narrower only: fewer fields, or an earlier end."),
        _("To share more, record a new permission."),
    ),
    "wanted": Problem(
        _(
            "The survivor cannot say whether they agree. The notice may ask only that they are met"
            " here."
        ),
        _("Change what is wanted to come_here, or ask the survivor."),
    ),
    "private_reason": Problem(
        _("A private reason goes only with a decline whose reason is “other”."),
        _("Tell the sender “other”, or leave the private reason out."),
    ),
    "consenter_missing": Problem(
        _("A minor and a parent or guardian consent together, unless the minor may consent alone."),
        _("Name who else consents, or record that the minor may consent alone."),
    ),
    "age_not_stated": Problem(
        _(
            "Only the survivor consents, and neither the notice nor the release says that they are"
            " an adult."
        ),
        _(
            "Record that they are 18 or over, or a minor who may consent alone, or name who else"
            " consents."
        ),
    ),
    "age_contradicted": Problem(
        _(
            "The release says that the survivor is an adult, but the notice or the release also"
            " says minor."
        ),
        _(
            "Correct the one that is wrong. If the survivor has turned 18 since the notice was"
            " sent, say so with the release."
        ),
    ),
    # -- Changing the directory
    "not_yours": Problem(
        _("The entry is of an organization that your agency does not edit."),
        _("Tell the agency that edits it. The operator can let your agency edit it as well."),
    ),
    "not_your_agency": Problem(
        _("An entry can name only your own agency as the one that answers, or none."),
        _("Let the other agency say that it answers."),
    ),
    "own_address": Problem(
        _("The document says of another entry something that this entry does not say itself."),
        _("Name it by its id alone, and change it at its own address."),
    ),
    "unknown_reference": Problem(
        _("What is named by its id is not there, or is not yours to name."), _AGAIN
    ),
    "id_taken": Problem(
        _("The id of a row belongs to another entry."),
        _("Leave the id out: the row gets a new one."),
    ),
    "too_many": Problem(_("A list is longer than it may be."), _("Send fewer.")),
    "in_use": Problem(
        _("A service is found at this place."),
        _("Take it from this place first, then remove the place."),
    ),
    "confidential_place": Problem(
        _("Where a confidential place is, is not stored in its document."),
        _(
            "Leave out address, coordinates and the way there; your agency may seal the address"
            " apart."
        ),
    ),
    "confidential_here": Problem(
        _("Something confidential is found at this place, or its organization is confidential."),
        _("Take the marker from that first, if it may be known."),
    ),
    "not_confidential": Problem(
        _("Only a confidential place has a sealed address."), _("Put it into the place's document.")
    ),
    "street_in_text": Problem(
        _("A text contains the street of a place that becomes confidential."),
        _("Take it out of the text, where it could still be read."),
    ),
    "already_so": Problem(
        _("The entry is confidential, or public, already."),
        _("Open it again to see how it is now."),
    ),
    "undo_over": Problem(
        _("The copy for undo has ended or was used."),
        _("Make the entry public again, and enter what was erased."),
    ),
    "changed_since": Problem(
        _("The entry was changed since it became confidential, so undo could publish that."),
        _("Make the entry public again, and enter what was erased."),
    ),
    # -- This server
    "unavailable": Problem(
        _(
            "The log, the key store or the database does not answer. Nothing was disclosed and"
            " nothing was changed."
        ),
        _("Do not wait: call the service. Then try again."),
    ),
    "schema_mismatch": Problem(
        _("This server's code and its database are of different releases."),
        _(
            "Call the service by phone. The operator runs `manage.py schema`, which says what to"
            " do: deploy/RUNBOOK.md, Upgrade."
        ),
    ),
    "log": Problem(
        _("The access log cannot be written. Without an entry nothing is shown."),
        _("Do not wait: call the service. Then try again."),
    ),
    "hold_length": Problem(
        _("A legal hold ends at a time to come, and lasts a year at most."),
        _("Give a later day, or an earlier one; a hold can be set again."),
    ),
    "reminder_length": Problem(
        _("A reminder is for a time to come, within the next 366 days."),
        _("Give a later time, or an earlier one; a reminder can be set again."),
    ),
    "purging": Problem(
        _("A purge is under way already."), _("Wait until it has ended; two at once are of no use.")
    ),
    "no_key": Problem(
        _("The agency has no key yet."), _("Nothing was sealed for it: there is nothing to do.")
    ),
    "key_in_use": Problem(
        _("The version of a key is still needed."), _("Rotate first (manage.py keys rotate).")
    ),
    "not_restored": Problem(
        _(
            "An older copy of the database was restored, and no key ends before its bundles are"
            " back."
        ),
        _("The operator runs `manage.py database recover`: deploy/RUNBOOK.md."),
    ),
    "not_recovered": Problem(
        _(
            "The database was restored or moved to another machine. Until it is checked, nothing is"
            " shown or done."
        ),
        _("Call the service. The network's operator was notified."),
    ),
    "recovering": Problem(
        _("Another process is recovering the database now."), _("Wait until it has ended.")
    ),
    "read_only": Problem(
        _("This database is a copy that only shows what is there."),
        _("The operator leads the server to the first one: deploy/RUNBOOK.md."),
    ),
    "no_witness": Problem(
        _("The file of the access log's witness is not there."),
        _("The operator puts it back: deploy/RUNBOOK.md."),
    ),
    "key_store": Problem(
        _("The key store does not answer or refused."), _("Do not wait: call the service.")
    ),
    "binding": Problem(
        _(
            "What lets you in was not written by this server, or is older than it should be: the"
            " database was changed by hand or restored."
        ),
        _("Call the service. Tell the network's operator at once."),
    ),
    "no_second_copy": Problem(
        _("The second copy of the keys does not hold the newest ones, so no key ends."),
        _("Tell the network's operator."),
    ),
    "unsealing_failed": Problem(
        _("A part of the packet does not open: it was altered or is missing."),
        _("Call the sender, and tell your lead at once."),
    ),
    "key_gone": Problem(
        _(
            "The key of this content was destroyed: it was purged, or an older database was"
            " restored."
        ),
        _("Call the sender. Tell the network's operator."),
    ),
    "address": Problem(
        _("It is not an email address or a phone number."),
        _("Write it as duty@example.org or 406-555-0111; numbers abroad begin with +."),
    ),
    "not_a_person": Problem(
        _("A system asked, and a private number is its owner's."),
        _("Members manage their own channels at the desk."),
    ),
    "too_many_channels": Problem(_("There are twenty already."), _("Remove one first.")),
    "number_not_called": Problem(
        _(
            "The number is in a country that the network's operator did not allow, or callers pay"
            " extra for it (900 and 976 numbers)."
        ),
        _("Use another number. The operator can allow a country."),
    ),
    "codes_spent": Problem(
        _(
            "Codes are sent once a minute and three times a day to one number or address, and six"
            " times a day for all of yours."
        ),
        _("Wait as long as Retry-After says. An earlier code is valid for ten minutes."),
    ),
    "taken": Problem(_("Someone has this user name."), _("Choose another.")),
    "already_a_member": Problem(
        _("You are a member of this agency already."), _("Sign in as you usually do.")
    ),
    "not_vouched": Problem(
        _("Your agency has not confirmed you yet."),
        _("Open your link again, and let Cairn call your agency's registered number."),
    ),
    "tries_spent": Problem(_("Too many wrong codes were entered."), _("Ask for a new invitation.")),
    "too_many_shifts": Problem(
        _("Your agency's list of on-call shifts is full."),
        _("Remove some, or set a rotation instead."),
    ),
    "too_many_swaps": Problem(
        _("Many of your questions about shifts wait for an answer."),
        _("Talk to your coworkers, or take some back."),
    ),
    "swap_over": Problem(
        _("This question about a shift was answered, taken back, or its time is over."),
        _("Look at the on-call page again."),
    ),
    "not_on_call": Problem(
        _("The member who asks is not on call for all of this time."),
        _("Look at the on-call page for the hours of the shift."),
    ),
    "last_administrator": Problem(
        _("Your agency would have no administrator."), _("Make another member one first.")
    ),
    "role_not_given": Problem(
        _("An identity provider gives no one a role."),
        _("The agency's administrator gives roles, at the desk."),
    ),
    "not_brought_back": Problem(
        _("An identity provider brings no one back."),
        _(
            "Delete the user there and create it again, which invites the person again. Or bring"
            " them back at the desk."
        ),
    ),
    "not_joined": Problem(
        _("This person was invited and has not joined yet."),
        _("End the invitation instead."),
    ),
    "scim_taken": Problem(
        _("The identity provider calls another person of the agency so."),
        _("Look for that user first."),
    ),
    "scim_filter": Problem(
        _("The filter is none that Cairn has."), _("Filter by userName, externalId or id.")
    ),
    "scim_path": Problem(
        _("The path of an operation is no attribute that Cairn has."),
        _("Read the schema, then send the request again."),
    ),
    "scim_target": Problem(
        _("What an operation removes is not there."), _("Read the user again, then repeat.")
    ),
    "scim_value": Problem(
        _("A value of the user cannot be taken."), _("Read what the refusal says, then repeat.")
    ),
    "scim_fixed": Problem(
        _("Cairn sets this attribute itself."), _("Leave it out of the request.")
    ),
    "scim_syntax": Problem(
        _("The request is not of SCIM's shape."), _("Compare it with RFC 7644, then repeat.")
    ),
    "own_agency": Problem(
        _("It is your own agency's number."), _("A lead of another agency confirms it.")
    ),
    "number_changed": Problem(
        _("The number is another one now."), _("Reload the page and look at it again.")
    ),
    "not_operators": Problem(
        _("The network's operator does not do this."),
        _("The agency's own people do it, at the desk."),
    ),
    "second_person": Problem(
        _("This takes a second person."),
        _("Ask another administrator or lead, who did not begin it."),
    ),
    "not_live": Problem(_("They have left the agency."), _("Let them come back first.")),
    "no_old_channel": Problem(
        _("They have no contact that they confirmed three days ago or earlier."),
        _("End this membership, and invite them again."),
    ),
    "reset_waits": Problem(
        _("Your sign-in was set up again, and no one has confirmed yet that it was you."),
        _("Ask a lead or administrator who did not ask for the reset."),
    ),
    "last_factor": Problem(
        _("It is the only passkey or authenticator app of the account."),
        _("Add another one first, then remove it."),
    ),
    "too_many_passkeys": Problem(
        _("A person can have 20 passkeys."),
        _("Remove one that is no longer used."),
    ),
    "wrong_code": Problem(
        _("The code was not the one that was sent."),
        _("Check the newest message there. After five tries, ask for a new code."),
    ),
    "no_code": Problem(
        _("No code was sent there, it is older than ten minutes, or it was tried five times."),
        _("Ask for a new code."),
    ),
    "not_proven": Problem(
        _("The number or address is not confirmed, so nothing but a code is sent there."),
        _("Ask for a code, then enter it."),
    ),
    "not_tested": Problem(
        _("No test was sent there yet."), _("Send one, then say whether it arrived.")
    ),
    "tested_just_now": Problem(
        _("A test was sent just now, or many."), _("Wait; after many an hour.")
    ),
    "sent_already": Problem(_("The message was sent."), _("There is nothing to do.")),
    "webhook_target": Problem(
        _("Webhooks go to https addresses of public hosts, port 443 or 8443, and to nothing else."),
        _("Give the receiver a public name and a certificate."),
    ),
    "lookups_spent": Problem(
        _("Your agency named twenty webhook addresses within an hour."),
        _("Wait as long as Retry-After says, then try again."),
    ),
    "lookups_busy": Problem(
        _("Too many names of webhooks were being looked up at once."), _("Try again in a minute.")
    ),
    "webhook_exists": Problem(
        _("Your agency has a webhook to this address."), _("Use that one, or delete it first.")
    ),
    "webhooks_full": Problem(
        _("An agency has at most five webhooks of a kind."), _("Delete one first.")
    ),
    "private_key": Problem(
        _("A private key was given. Nothing of it was kept."),
        _(
            "It has left the system that it belongs to, so others may have it: make a new pair"
            " there, and give its public key only."
        ),
    ),
    "unreadable_keys": Problem(
        _("What was given cannot be read as public keys."),
        _("Give a JWK, a JWK set or a public key in PEM form, whole."),
    ),
    "weak_key": Problem(
        _("A key is too weak, or of a kind that no token is given for."),
        _("Use RSA of 2048 to 8192 bits, EC P-256, EC P-384 or Ed25519, for signatures."),
    ),
    "wrong_algorithm": Problem(
        _("A key names an algorithm with which no token is given for it."),
        _("Use ES256, ES384, RS256, RS384, PS256 or EdDSA, as fits the key."),
    ),
    "too_many_keys": Problem(
        _("A partner system has at most ten keys."), _("Remove one that is not used any more.")
    ),
    "last_key": Problem(
        _("A partner system without a key could get no token."),
        _("Add the new key first. To keep the system out, end its access."),
    ),
    "system_name": Problem(
        _("Your agency has a partner system with this name."), _("Choose another name.")
    ),
    "system_id": Problem(
        _("Your agency has a partner system with this client ID."), _("Choose another one.")
    ),
    "systems_full": Problem(
        _("An agency has at most fifty partner systems, ended ones included."),
        _("Let one in again that ended, or ask the network's operator."),
    ),
    "keys_url": Problem(
        _("Keys are fetched from https addresses of public hosts, port 443 or 8443."),
        _("Give the address a public name and a certificate, or paste the keys."),
    ),
    "no_keys_there": Problem(
        _("No key set was found at the address."),
        _(
            "It must answer at once, with status 200, without a redirect, and with a JWK set of at"
            " most 64 kB. Or paste the keys."
        ),
    ),
    "bad_signature": Problem(
        _("The answer of a call was not signed by the provider of calls."),
        _("Check the provider's token, and that its callbacks reach Cairn unchanged."),
    ),
    "no_match": Problem(
        _("No slip that is in force has this code and this word."),
        _("Check both and try again, or tell either agency that you want to end your permission."),
    ),
    "staff_ref_taken": Problem(
        _("Another member of your agency has this staff number."),
        _("Check the number. If it moved to someone else, clear it at the first member."),
    ),
    "staff_device": Problem(
        _("A member is signed in on this device, so the survivor's own page does not open."),
        _("Sign out first, or use a device that is not the agency's."),
    ),
    "not_your_slip": Problem(
        _("The agency that sent the referral gives the slip."),
        _("The survivor can end their permission through you: use Revoke permission."),
    ),
    "slip_word": Problem(
        _("The word for the slip is too short, too long or too plain."),
        _("Choose 6 to 60 characters, at least 4 of them different."),
    ),
    "card_off": Problem(
        _("No notice card that is in force has this address."),
        _("Ask your agency for a new card, and call the service."),
    ),
    "card_duties": Problem(
        _("An agency with duties of confidentiality toward survivors has no notice card."),
        _("Make a referral at the desk, signed in."),
    ),
    "card_no_calls": Problem(
        _("This network makes no calls, which a notice card needs."),
        _("Ask the network's operator."),
    ),
    "card_no_number": Problem(
        _("The agency has no registered number that another agency has confirmed."),
        _("Propose one under “Registered number”, and have it accepted and confirmed."),
    ),
    "card_ended": Problem(
        _("The network's operator ended the notice card."),
        _("Your agency's administrator can switch it on again."),
    ),
    "card_no_lead": Problem(
        _("No live lead of the agency is named who holds what the card sends."),
        _("Your agency's administrator names one and switches the card on again."),
    ),
    "card_busy": Problem(
        _("One notice of an agency waits for its call at a time."),
        _("Wait until its call is over, ten minutes at most, or call the service."),
    ),
    "card_sent": Problem(
        _("The code was keyed at the agency already."),
        _("Look at the notice again; you can withdraw it."),
    ),
    "claim_over": Problem(
        _("Someone has answered it, its time is over, or you said before that you are awake."),
        _("Open the referral now; acknowledge it if no one has."),
    ),
    "device": Problem(
        _("The browser did not say how a notification reaches it."),
        _("Try again, or add a phone number."),
    ),
    "service_not_taking": Problem(_("The service takes no notice right now."), _CALL),
    "webhook_stopped": Problem(_("The webhook is paused or stopped."), _("Resume it first.")),
    "export_key": Problem(
        _("The key is not one that an export can be sealed to."),
        _(
            "Give one public key for encryption: X25519, EC P-256, EC P-384, or RSA of 2048 to 8192"
            " bits."
        ),
    ),
    "export_not_ready": Problem(
        _("The export is not ready, or has ended."),
        _("Wait until it is ready. If it has ended, ask for another."),
    ),
    "export_not_waiting": Problem(
        _("The export is confirmed already, or has ended."),
        _("Look at the list of exports: there is nothing to confirm."),
    ),
    "export_open": Problem(
        _("You have an export already."), _("End it, or wait for it, before you ask for another.")
    ),
    "external_ref_taken": Problem(
        _("Another referral that you work on has this number of your own system already."),
        _("Check the number. Each referral has its own; find the other one by it."),
    ),
    "event_unknown": Problem(
        _("No such event in your agency's feed."), _("Take an id from /v1/events or a delivery.")
    ),
    "not_sealed": Problem(
        _(
            "No sealed entry of yours has this id; an entry is sealed a second or two after it was"
            " written."
        ),
        _("Ask again shortly."),
    ),
    "retired": Problem(
        _("The entry's month has left the access log, since its time was over."),
        _("Ask the operator for the archive of that month: it proves its entries by itself."),
    ),
    "log_tampered": Problem(
        _("The entry was sealed, but the log no longer has it as it was."),
        _(
            "Keep your receipt and this answer, and ask an outside person to check an export with"
            " the verifier: a person with access to the database has changed the log."
        ),
    ),
    "log_forked": Problem(
        _("The access log is not the one that its witness saw last."),
        _("The operator compares the two before anything is written on: deploy/RUNBOOK.md."),
    ),
    "sealer_at_work": Problem(
        _("A backup was restored while a sealer is running."),
        _("Stop the background work first, then run `database recover` again."),
    ),
    "log_not_restored": Problem(
        _("The database is of a backup, and nothing new of the access log is sealed."),
        _("The operator runs `manage.py database recover`: deploy/RUNBOOK.md."),
    ),
    "server_error": Problem(_("Something failed here. Nothing was changed."), _CALL),
}
