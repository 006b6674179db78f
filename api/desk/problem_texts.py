"""Explains each code of a refusal to people: what happened and what to do. Served at /problems/."""

from typing import NamedTuple


class Problem(NamedTuple):
    happened: str
    do: str


_AGAIN = "Correct it and send the request again."
_RING = "Ring the service. The numbers are on every page."

PROBLEMS = {
    # -- Who is asking
    "not_authenticated": Problem(
        "No access token or session came with the request, or it has ended.",
        "Sign in again, or fetch a new token.",
    ),
    "acting_member": Problem("The header Acting-Member is not an id.", "Send a member's id."),
    "acting_member_needed": Problem(
        "The act concerns a person, and no member of staff was named.",
        "Name the staff member who acts, in the header Acting-Member.",
    ),
    "acting_member_unknown": Problem(
        "The named member of staff is not, or no longer, in this agency.",
        "Name a member who is.",
    ),
    "address_not_allowed": Problem(
        "The partner system came from a network that its agency did not name.",
        "Where that was the system itself, whoever runs the network's server adds the network."
        " Where it was not, its key or token was stolen: end its access at once.",
    ),
    "budget_spent": Problem(
        "A partner system opened packets or notes of as many referrals within 24 hours as it may.",
        "Open in the desk. Was it not the system itself, its key was stolen: end its access at"
        " once. Else whoever runs the network's server raises the number.",
    ),
    "csrf": Problem(
        "The page was open too long, or was opened in another tab before you signed in.",
        "Load the page again, then repeat. Nothing was changed.",
    ),
    "bad_password": Problem("The user name and the password do not fit.", "Try again."),
    "bad_code": Problem(
        "The one-time code was wrong, or had been used before.", "Wait for the next one."
    ),
    "too_many_tries": Problem(
        "There were too many tries to sign in, of one name or from one network.",
        "Wait five minutes, then try again.",
    ),
    "account_closed": Problem(
        "The password was right, and the account is closed.",
        "Whoever runs the network's server opens it again.",
    ),
    "no_second_factor": Problem(
        "The account has no authenticator app.", "Whoever runs the network's server sets it up."
    ),
    "no_agency": Problem(
        "The person is a member of no agency, or no longer.",
        "Whoever runs the network's server makes members.",
    ),
    "bad_assertion": Problem(
        "The client's assertion is wrong, expired or was used before.",
        "Sign a new one with the registered key (RFC 7523).",
    ),
    "unknown_client": Problem(
        "No partner system of this id is known, or it is let in no more.",
        "Whoever runs the network's server adds partner systems, and lets them in again.",
    ),
    "policy": Problem(
        "The right to this ended while it was being done; the database refused.",
        "Look at the referral again.",
    ),
    # -- The shape of the request
    "invalid": Problem("A value is missing or not of the documented shape.", _AGAIN),
    "unknown_code": Problem("A value is not one of its code list.", "See the list of codes."),
    "unknown_field": Problem("A field is not part of the documented shape.", "Leave it out."),
    "unknown_postcode": Problem(
        "Where this postcode is, is not known here.",
        "Give latitude and longitude, or a postcode near by.",
    ),
    "unknown_parameter": Problem("A query parameter is not documented.", "Leave it out."),
    "repeated_parameter": Problem("A query parameter stands twice.", "Send it once."),
    "duplicate_key": Problem("A key stands twice in one JSON object.", "Send it once."),
    "not_an_object": Problem("The body is JSON, but no object.", "Send an object."),
    "not_json": Problem("The body is not JSON in UTF-8.", _AGAIN),
    "not_text": Problem("A text holds a character that is none.", "Take it out."),
    "too_deep": Problem(
        "The JSON is nested deeper than ten levels, or a document of the directory than twenty.",
        "Send a flatter one.",
    ),
    "too_large": Problem("The body is larger than 256 KiB.", "Send a smaller one."),
    "length_required": Problem(
        "The body came without its length.", "Send it with the header Content-Length."
    ),
    "media_type": Problem("The body is not plain JSON.", "Send application/json, uncompressed."),
    "method_not_allowed": Problem(
        "This address does not answer that method.", "The header Allow names those it does."
    ),
    "callback": Problem(
        "The call-back number is not a phone number.",
        "Give the number where the worker is reached: digits only. Never the survivor's.",
    ),
    "needs_missing": Problem("No need was named.", "Name at least one."),
    "fields_missing": Problem("No field was written.", "Write at least one."),
    "field_length": Problem("A field is empty or too long.", "Write 1 to 4000 characters."),
    "note_length": Problem("The note is empty or too long.", "Write 1 to 4000 characters."),
    "cursor": Problem(
        "The cursor belongs to another list, another caller or another filter.",
        "Begin again at the first page.",
    ),
    "idempotency_key": Problem(
        "The Idempotency-Key is empty or too long.", "Send 1 to 128 printable characters."
    ),
    # -- What may be seen and done
    "not_found": Problem(
        "There is nothing at this address that you may see.",
        "Check the address. If a colleague sent it to you, she may have to put you on it.",
    ),
    "refused": Problem("The act was refused.", "Nothing was changed."),
    "not_permitted": Problem("You may see this, but not do that to it.", "Ask your lead."),
    "role_missing": Problem(
        "Your role in this agency does not include this.",
        "Ask a worker or lead, or your agency's administrator.",
    ),
    "scope_missing": Problem("The client was not given the scope for this.", "Ask for the scope."),
    "wrong_side": Problem(
        "Only the other agency can do this.", "Ring them, and say the reference."
    ),
    "not_assigned": Problem(
        "Only the members who work on this referral can do this.",
        "Ask the colleague who holds it, or your lead.",
    ),
    "not_system_of_record": Problem(
        "The agency did not make this client a system of record.",
        "Packets are opened by its assigned members in person.",
    ),
    "member_unknown": Problem(
        "There is no such worker or lead in this agency.", "Name a member who works here."
    ),
    "reason_missing": Problem(
        "A lead who puts herself on a referral says why; another member is told.",
        "Send a reason of the list self_assignment.",
    ),
    "barred": Problem(
        "On the survivor's word, this person may not know of the referral.", "Name somebody else."
    ),
    "barring_yourself": Problem(
        "You cannot keep yourself out.", "Hand it over; whoever then holds it keeps you out."
    ),
    "whom": Problem("It is not said whom to keep out.", "A member, or the other agency: one."),
    "take_over_instead": Problem("You would hand it to yourself.", "Take it over."),
    # -- The state of things
    "wrong_state": Problem(
        "The referral has moved on; this can no longer, or not yet, be done.",
        "Look at it again: it says what can be done now.",
    ),
    "stale": Problem("It was changed since you read it.", "Read it again, then repeat."),
    "match_required": Problem("The header If-Match is missing.", "Send the ETag you read."),
    "not_possible": Problem("A condition for this is not met.", "The message says which."),
    "conflict": Problem("It is in conflict with another request.", "Wait a moment, then repeat."),
    "in_flight": Problem("The same request is still under way.", "Wait a moment, then repeat."),
    "key_reused": Problem(
        "This Idempotency-Key was used with another body.", "Take a new key for a new request."
    ),
    "opt_in_stands": Problem(
        "That agency's auditors may read your log already.",
        "Take the one that stands back first, then give another.",
    ),
    "no_reference": Problem("No free reference was found.", "Try again."),
    "service_unknown": Problem("There is no such service in the directory.", "Search again."),
    "service_moved": Problem(
        "The service is no longer answered by the agency of this draft.", "Begin a new referral."
    ),
    "service_paused": Problem("The service takes nobody just now.", _RING),
    "nobody_to_answer": Problem("Nobody there can answer just now.", _RING),
    "too_many_waiting": Problem(
        "Fifty of yours came there within a day that nobody has looked at.", _RING
    ),
    "phone_only": Problem(
        "Nobody in this network answers for that service.", "Ring it, and record the call."
    ),
    "answered_here": Problem(
        "The service is answered in this network.", "Make a referral; no call record is needed."
    ),
    "own_service": Problem("It is your own agency's service.", "Help her without a referral."),
    # -- The survivor's permission
    "no_release": Problem(
        "There is no permission of hers in force.", "Record her permission first, if she gives it."
    ),
    "sealed": Problem(
        "The packet is closed: no permission of hers is in force, or nothing was written yet.",
        "Ring the sender and say the reference. The help goes on without the packet.",
    ),
    "basis": Problem(
        "The law that binds your agency asks for another kind of permission.",
        "Use the kind that the message names.",
    ),
    "form": Problem(
        "This kind of permission, or what is to be shared under 42 CFR part 2, needs her"
        " signature.",
        "Get it signed first, on paper or on the screen, or leave substance use out.",
    ),
    "attestation_missing": Problem(
        "She has not been told everything that she must hear before she agrees.",
        "Tell her, then tick it.",
    ),
    "part2": Problem(
        "Substance-use records do not go to the police (42 CFR Part 2).", "Leave that field out."
    ),
    "signed_later": Problem("The signature lies in the future.", "Correct the time."),
    "expired": Problem("The permission has ended already.", "Record a new one, if she gives it."),
    "too_long": Problem("The permission lasts longer than it may.", "Choose a shorter time."),
    "abuser": Problem(
        "Somebody who abused her or the other parent cannot consent for her.",
        "Another parent, a guardian or a court-appointed guardian is needed.",
    ),
    "self_missing": Problem("She herself has to consent too.", "Ask her."),
    "promptly_inform": Problem(
        "Under HIPAA, somebody who agreed to a disclosure is promptly told that it was made.",
        "Say how she is told, or which of the rule's exceptions applies.",
    ),
    "part2_notice": Problem(
        "Substance-use records go with the notice of 42 CFR 2.32 and no other.",
        "Leave the notice out: it is set.",
    ),
    "unknown_member": Problem("That is no member of your agency.", "Name one who is."),
    "safe_contact": Problem(
        "How to contact her safely governs every way to reach her: it goes with them.",
        "Leave it in, or take the ways to reach her out as well.",
    ),
    "open_both_first": Problem(
        "That two referrals are of one person is said by who has opened both packets.",
        "Open both, then say so.",
    ),
    "replaces_unknown": Problem(
        "There is no such referral of your agency's that you work on.",
        "Name one that you sent, or begin one without it.",
    ),
    "no_duty_line": Problem(
        "Your agency has no duty line to fall back on.", "Name a worker's number."
    ),
    "client_only": Problem(
        "That a system has received it is said by a partner system.",
        "Say “I am looking at it” (acknowledge) instead.",
    ),
    "widening": Problem(
        "A release is made narrower only: fewer fields, or an earlier end.",
        "For more, record her permission anew.",
    ),
    "wanted": Problem(
        "She cannot say whether she agrees: the notice may ask only that somebody comes here.",
        "Change what is wanted to come_here, or ask her.",
    ),
    "private_reason": Problem(
        "A private reason stands beside a decline that says “other”, and beside no other.",
        "Tell the sender “other”, or leave the private reason out.",
    ),
    "consenter_missing": Problem(
        "A minor and a parent or guardian consent together, unless she may consent alone.",
        "Name who else consents, or say that she may alone.",
    ),
    "age_not_stated": Problem(
        "She alone consents, and neither the notice nor the release says that she is an adult.",
        "Say that she is 18 or over, or a minor who may consent alone, or name who else consents.",
    ),
    "age_contradicted": Problem(
        "The release says that she is an adult; the notice, or the release itself, a minor.",
        "Correct whichever is wrong.",
    ),
    # -- Changing the directory
    "not_yours": Problem(
        "The entry is of an organization that your agency does not edit.",
        "Tell whoever edits it; the operator can give your agency the editing as well.",
    ),
    "not_your_agency": Problem(
        "An entry can name your own agency as the one that answers, or nobody.",
        "Let the other agency say that it answers.",
    ),
    "own_address": Problem(
        "The document says of another entry something that this entry does not say itself.",
        "Name it by its id alone, and change it at its own address.",
    ),
    "unknown_reference": Problem(
        "What is named by its id is not there, or is not yours to name.", _AGAIN
    ),
    "id_taken": Problem(
        "The id of a row belongs to another entry.", "Leave the id out: the row gets a new one."
    ),
    "too_many": Problem("A list is longer than it may be.", "Send fewer."),
    "in_use": Problem(
        "A service is found at this place.", "Take it from this place first, then remove the place."
    ),
    "confidential_place": Problem(
        "Where a confidential place is, is not stored in its document.",
        "Leave out address, coordinates and the way there; your agency may seal the address apart.",
    ),
    "confidential_here": Problem(
        "Something confidential is found at this place, or its organization is confidential.",
        "Take the marker from that first, if it may be known.",
    ),
    "not_confidential": Problem(
        "Only a confidential place has a sealed address.", "Put it into the place's document."
    ),
    "street_in_text": Problem(
        "A text holds the street of a place that becomes confidential.",
        "Take it out of the text: it would stay to be read.",
    ),
    # -- This server
    "unavailable": Problem(
        "The log, the key store or the database does not answer. Nothing was disclosed and nothing"
        " was changed.",
        "Do not wait for it: ring the service. Then try again.",
    ),
    "schema_mismatch": Problem(
        "This server's code and its database are of different releases.",
        "Call the service by phone. The operator runs `manage.py schema`, which says what to do:"
        " deploy/RUNBOOK.md, Upgrade.",
    ),
    "log": Problem(
        "The access log cannot be written. Without an entry nothing is shown.",
        "Do not wait for it: ring the service. Then try again.",
    ),
    "hold_length": Problem(
        "A legal hold ends at a time to come, and lasts a year at most.",
        "Give a later day, or an earlier one; a hold can be set again.",
    ),
    "purging": Problem(
        "A purge is under way already.", "Wait until it has ended; two at once are of no use."
    ),
    "no_key": Problem(
        "The agency has no key yet.", "Nothing was sealed for it: there is nothing to do."
    ),
    "key_in_use": Problem(
        "The version of a key is still needed.", "Rotate first (manage.py keys rotate)."
    ),
    "not_restored": Problem(
        "An older copy of the database was restored, and no key ends before its bundles are back.",
        "The operator runs `manage.py keys restore`: deploy/RUNBOOK.md.",
    ),
    "key_store": Problem(
        "The key store does not answer or refused.", "Do not wait for it: ring the service."
    ),
    "unsealing_failed": Problem(
        "A part of the packet does not open: it was altered or is missing.",
        "Ring the sender, and tell your lead at once.",
    ),
    "key_gone": Problem(
        "The key of this content was destroyed: it was purged, or an older database was restored.",
        "Ring the sender. Tell whoever runs this server.",
    ),
    "address": Problem(
        "It is neither a mail address nor a phone number.",
        "Write it as duty@example.org or 406-555-0111; numbers abroad begin with +.",
    ),
    "not_a_person": Problem(
        "A system asked, and a private number is its owner's.",
        "The member keeps her channels at the desk.",
    ),
    "too_many_channels": Problem("There are twenty already.", "Take one off first."),
    "not_tested": Problem("No test was sent there yet.", "Send one, then say whether it arrived."),
    "tested_just_now": Problem("A test was sent just now, or many.", "Wait; after many an hour."),
    "sent_already": Problem("The message was sent.", "There is nothing to do."),
    "webhook_target": Problem(
        "Webhooks go to https addresses of public hosts, port 443 or 8443, and to nothing else.",
        "Give the receiver a public name and a certificate.",
    ),
    "webhook_exists": Problem(
        "Your agency has a webhook to this address.", "Use that one, or take it away first."
    ),
    "webhooks_full": Problem("An agency has at most five webhooks.", "Take one away first."),
    "webhook_stopped": Problem("The webhook is paused or stopped.", "Resume it first."),
    "event_unknown": Problem(
        "No such event in your agency's feed.", "Take an id from /v1/events or a delivery."
    ),
    "not_sealed": Problem(
        "No sealed entry of your agency has this id; an entry is sealed a second or two after it"
        " was written.",
        "Ask again shortly.",
    ),
    "retired": Problem(
        "The entry's month has left the access log, since its time was over.",
        "Ask the operator for the archive of that month: it proves its entries by itself.",
    ),
    "log_tampered": Problem(
        "The entry was sealed, and does not stand in the log any more as it was.",
        "Keep your receipt and this answer, and have somebody outside check an export with the"
        " verifier: somebody with the database in their hands has changed the log.",
    ),
    "log_forked": Problem(
        "The access log is not the one that its witness saw last.",
        "The operator compares the two before anything is written on: deploy/RUNBOOK.md.",
    ),
    "sealer_at_work": Problem(
        "A backup was restored, and a sealer is at work beside it.",
        "Stop the background work first, then run `seals restore` again.",
    ),
    "log_not_restored": Problem(
        "The database is of a backup, and nothing new of the access log is sealed.",
        "The operator runs `manage.py seals restore`: deploy/RUNBOOK.md.",
    ),
    "server_error": Problem("Something failed here. Nothing was changed.", _RING),
}
