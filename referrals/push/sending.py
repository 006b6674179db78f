"""Sends the messages to members' own devices: a job of the background work, like those of the other
kinds (referrals/notifications/message_queue.py)."""

from referrals.notifications import message_queue, message_texts
from referrals.notifications.transports import NotSent, Outgoing
from referrals.push import web_push
from referrals.push.web_push import Note, NotTaken


def step() -> bool:
    """Send the next push that is due. Returns whether there was one."""
    return message_queue.send_next("push", hand_over)


def hand_over(message: Outgoing) -> None:
    """Hand one message to the push service of its device. Twice shows one notification: both have
    one handle. Raises NotSent."""
    words = message_texts.text(message.template, message.language, message.reference)
    button = message_texts.awake_button(message.language) if message.awake else ""
    title = message_texts.subject(message.language)
    note = Note(title, words.strip(), message.reference, button)
    try:
        web_push.send(
            message.address,
            message.device_keys,
            note,
            handle=message.id.hex,
            ttl_s=message.ttl_s,
        )
    except NotTaken as error:
        raise NotSent(error.code, final=error.final or error.gone, gone=error.gone) from None
