"""What the contract says of its groups of operations, and where it is served."""

SERVERS = [
    {
        "url": "{base}",
        "description": "Your network's server. Without one: `make run` on your own machine.",
        "variables": {
            "base": {
                "default": "http://127.0.0.1:8000",
                "description": "The base address, such as https://cairn.example.org.",
            }
        },
    }
]
DONE = {
    "200": "Done, or found.",
    "201": "Made.",
    "202": "Taken on. It is done in a moment, or a second person decides.",
    "204": "Done. The answer has no body.",
}
TAGS = {
    "oauth": "Access tokens. A system signs an assertion with its own key and gets a token for five"
    " minutes.",
    "me": "Who calls: the agency, the member, the scopes, the limits, and what a release needs.",
    "members": "The live members of your own agency, with their staff numbers.",
    "codes": "The code lists, with English and Spanish labels. No code is renamed or removed.",
    "referrals": "A referral, from its draft to its end. The sender's side and the recipient's side"
    " are shown different things. Each act is one address; `acts` of a referral lists those that"
    " are open to you now.",
    "agreement-tally": "Counts the survivors who did not want a notice sent, and nothing else.",
    "call-records": "Calls to services that take people by phone only.",
    "rights-counts": "How often survivors were given which information on their rights.",
    "reports": "Your agency's own figures, of months that are over: how many, how fast, and what"
    " could not be met. They hold no person.",
    "mistakes": "Referrals that were marked as entered in error.",
    "events": "The feed: what your side may know of its referrals, in order, from any point on.",
    "webhooks": "Where your agency's events are sent to. A message holds ids only; read the rest"
    " here.",
    "exports": "Exports of your agency's own referrals, for its leads, sealed to your key. A second"
    " lead confirms each.",
    "channels": "The mail addresses and numbers at which a member is reached. In person only.",
    "duty": "Whether a member is on call. In person only.",
    "messages": "What Cairn sent to a member, and whether it arrived. In person only.",
    "self-assignments": "Leads who assigned themselves, for their agency to look at.",
    "block-alerts": "Blocks that keep a lead from a referral. In person only.",
    "barred-attempts": "Barred people who asked for a referral all the same.",
    "access-log": "The access log of your agency's own people and clients, its seals and its"
    " receipts. No entry can be changed or removed.",
    "directory": "The directory of services, in the Human Services Data Specification (HSDS 3.0)"
    " with a profile for victim services. Reading the public part needs no token.",
}
