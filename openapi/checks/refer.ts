// A referral from a token to `completed`, by the client that is generated from the contract.
//
// Nothing here is cast: what the contract does not say, this file cannot use. It learns from its
// environment where the server is and who the two systems are, and prints what each step led to.
import { createPrivateKey, randomUUID, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import createClient, { type Middleware } from "openapi-fetch";
import type { components, paths } from "./v1.js";

type Schemas = components["schemas"];
// A list can also be asked for as lines (NDJSON); here every answer is JSON.
type Json = "application/json" | "application/problem+json";

function given(name: string): string {
  const text = process.env[name];
  if (text === undefined) throw new Error(`${name} is not set`);
  return text;
}

const CAIRN = given("CAIRN");
const cairn = createClient<paths, Json>({ baseUrl: CAIRN });

/** What an answer holds; a refusal ends the program with its code. */
function answered<Data>(answer: { data?: Data; error?: unknown; response: Response }): Data {
  if (answer.data !== undefined) return answer.data;
  throw new Error(`${answer.response.status}: ${JSON.stringify(answer.error)}`);
}

/** An assertion of RFC 7523, signed with the system's own key (ES256). */
function assertion(clientId: string, keyFile: string, keyId: string): string {
  const claims = {
    iss: clientId,
    sub: clientId,
    aud: `${CAIRN}/oauth/token`,
    exp: Math.floor(Date.now() / 1000) + 60,
    jti: randomUUID(),
  };
  const parts = [{ alg: "ES256", kid: keyId }, claims];
  const text = parts.map((one) => Buffer.from(JSON.stringify(one)).toString("base64url")).join(".");
  const key = createPrivateKey(readFileSync(keyFile));
  const signature = sign("sha256", Buffer.from(text), { key, dsaEncoding: "ieee-p1363" });
  return `${text}.${signature.toString("base64url")}`;
}

/** A client of the whole contract, with the token of one of the two systems. */
async function system(name: string) {
  const clientId = given(`${name}_ID`);
  const granted = await cairn.POST("/oauth/token", {
    body: {
      grant_type: "client_credentials",
      client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
      client_assertion: assertion(clientId, given(`${name}_KEY`), given(`${name}_KEY_ID`)),
    },
    headers: { "Content-Type": "application/x-www-form-urlencoded" },
  });
  const token = answered(granted).access_token;
  const signedIn: Middleware = {
    onRequest({ request }) {
      request.headers.set("Authorization", `Bearer ${token}`);
      return request;
    },
  };
  const client = createClient<paths, Json>({ baseUrl: CAIRN });
  client.use(signedIn);
  return client;
}

const officer = { "Acting-Member": given("POLICE_MEMBER") };
const advocate = { "Acting-Member": given("YWCA_MEMBER") };

// -- The sender ----------------------------------------------------------------------------------

const police = await system("POLICE");
const found = answered(
  await police.GET("/v1/directory/services", {
    params: { query: { answered_by: given("YWCA_AGENCY"), intake: "taking" } },
  }),
);
const service = found.contents[0];
if (service === undefined) throw new Error("no service of the other agency takes referrals");

const now = Date.now();
const release: Schemas["ReleaseIn"] = {
  basis: "stated_agreement",
  purpose: "receive_service",
  fields: ["name", "phone"],
  form: "oral_witnessed",
  signed_at: new Date(now).toISOString(),
  expires_at: new Date(now + 6 * 24 * 3600 * 1000).toISOString(),
  attestations: [
    "risks_explained",
    "alternatives_offered",
    "not_a_condition_of_service",
    "platform_explained",
    "right_to_revoke_told",
    "may_be_redisclosed_told",
    "told_no_effect_on_case",
  ],
  consenters: [{ who: "self", signed_at: new Date(now).toISOString(), not_the_abuser: true }],
  adult: true,
};
const sent = answered(
  await police.POST("/v1/referrals", {
    params: { header: { ...officer, "Idempotency-Key": randomUUID() } },
    body: {
      service_id: service.id,
      urgency: "urgent",
      needs: ["shelter"],
      callback: "406-555-0111",
      release,
      packet: { name: "Invented Person", phone: "406-555-0199" },
      send: { agreement: "agrees" },
    },
  }),
);
console.log(sent.status);

// -- The recipient -------------------------------------------------------------------------------

const ywca = await system("YWCA");
const path = { referral_id: sent.id };
const params = { path, header: advocate };

const seen = answered(await ywca.GET("/v1/referrals/{referral_id}", { params }));
console.log(seen.status, seen.notice.needs.join());
const taken = answered(
  await ywca.POST("/v1/referrals/{referral_id}/acknowledge", { params, body: {} }),
);
console.log(taken.status);
const accepted = answered(
  await ywca.POST("/v1/referrals/{referral_id}/accept", { params, body: {} }),
);
console.log(accepted.status);
const opened = answered(
  await ywca.POST("/v1/referrals/{referral_id}/open_packet", { params, body: { purpose: "intake" } }),
);
console.log(Object.keys(opened.packet).sort().join());
answered(
  await ywca.POST("/v1/referrals/{referral_id}/start_handoff", { params, body: { mode: "phone" } }),
);
const done = answered(
  await ywca.POST("/v1/referrals/{referral_id}/complete", {
    params,
    body: { outcome: "connected" },
  }),
);
console.log(done.status);

// -- A refusal has a code that the contract names -------------------------------------------------

const refused = await ywca.POST("/v1/referrals/{referral_id}/accept", { params, body: {} });
if (refused.error === undefined) throw new Error("a second accept was taken");
console.log(refused.response.status, refused.error.code, refused.error.current_state);
