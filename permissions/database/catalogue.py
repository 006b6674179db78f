"""The catalogue: PostgreSQL's own description of Cairn's schema, one digest per object.

`permissions/sql/catalogue.txt` holds the catalogue that this code was written for, made from a new
database by `manage.py schema --write`. Comparing the two names every object that is missing, extra
or different: a function that an upgrade left behind, a policy changed by hand, a column not yet
added. Differences between PostgreSQL 15 and 18 themselves are left out.
"""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FILE = Path(__file__).resolve().parent.parent / "sql" / "catalogue.txt"

# `sec.shift` holds the clock's offset, which tests and exercises move; permissions.E003 checks it.
# `sec.remembered_timeline` holds which server this is, which is another one after each restore.
_OURS = """
    WITH ours AS (
        SELECT n.nspname || '.' || c.relname AS name, c.*
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname IN ('public', 'sec') AND c.relkind IN ('r', 'p') AND NOT c.relispartition
           AND pg_get_userbyid(c.relowner) = 'owner'
    ), parts AS (
        SELECT pg_partition_root(c.oid)::text AS root, c.*
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname IN ('public', 'sec') AND c.relkind = 'r' AND c.relispartition
    )
"""


def _rights(acl: str, default: str, owner: str) -> str:
    """SQL for the rights of all but the owner. Only owners have MAINTAIN (PostgreSQL 17 on)."""
    return f"""(
        SELECT string_agg(one, ',' ORDER BY one) FROM (
            SELECT coalesce(nullif(a.grantee, 0)::regrole::text, 'PUBLIC') || ':'
                   || a.privilege_type || CASE WHEN a.is_grantable THEN '*' ELSE '' END AS one
              FROM aclexplode(coalesce({acl}, acldefault('{default}', {owner}))) a
             WHERE a.grantee <> {owner}) given)"""


_OBJECTS = f"""{_OURS}
SELECT 'table', name, concat_ws(' ', relkind, relrowsecurity, relforcerowsecurity,
       reloptions::text, {_rights("relacl", "r", "relowner")})
  FROM ours
UNION ALL
SELECT 'column', o.name || '.' || a.attname, concat_ws(' ',
       format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated,
       a.attstorage, pg_get_expr(d.adbin, d.adrelid),
       CASE WHEN a.attacl IS NOT NULL THEN {_rights("a.attacl", "c", "o.relowner")} END)
  FROM ours o JOIN pg_attribute a ON a.attrelid = o.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
UNION ALL
SELECT 'constraint', o.name || '.' || c.conname, concat_ws(' ', pg_get_constraintdef(c.oid),
       c.convalidated)
  FROM ours o JOIN pg_constraint c ON c.conrelid = o.oid AND c.contype IN ('c', 'f', 'p', 'u', 'x')
UNION ALL
SELECT 'index', o.name || '.' || i.indexrelid::regclass::text, concat_ws(' ',
       pg_get_indexdef(i.indexrelid), i.indisvalid)
  FROM ours o JOIN pg_index i ON i.indrelid = o.oid
UNION ALL
SELECT 'trigger', o.name || '.' || t.tgname, concat_ws(' ', pg_get_triggerdef(t.oid), t.tgenabled)
  FROM ours o JOIN pg_trigger t ON t.tgrelid = o.oid AND NOT t.tgisinternal
UNION ALL
SELECT 'policy', o.name || '.' || p.polname, concat_ws(' ', p.polcmd, p.polpermissive,
       (SELECT string_agg(coalesce(nullif(role, 0)::regrole::text, 'PUBLIC'), ',' ORDER BY 1)
          FROM unnest(p.polroles) role),
       pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
  FROM ours o JOIN pg_policy p ON p.polrelid = o.oid
UNION ALL
-- Months come and go; how they are guarded does not. One line for each way that is found.
SELECT 'partitions', root, string_agg(DISTINCT guarded, ' | ' ORDER BY guarded) FROM (
    SELECT p.root, concat_ws(' ', p.relrowsecurity, p.relforcerowsecurity,
           {_rights("p.relacl", "r", "p.relowner")},
           (SELECT string_agg(t.tgname || ':' || t.tgenabled::text, ',' ORDER BY t.tgname)
              FROM pg_trigger t WHERE t.tgrelid = p.oid AND NOT t.tgisinternal),
           (SELECT count(*) FROM pg_index i WHERE i.indrelid = p.oid)) AS guarded
      FROM parts p) one GROUP BY root
UNION ALL
SELECT 'sequence', n.nspname || '.' || c.relname,
       {_rights("c.relacl", "S", "c.relowner")}
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname IN ('public', 'sec') AND c.relkind = 'S'
UNION ALL
SELECT 'function', p.oid::regprocedure::text, concat_ws(' ', l.lanname,
       pg_get_function_result(p.oid), p.prosrc, pg_get_function_arguments(p.oid),
       p.provolatile, p.prosecdef, p.proleakproof,
       p.proisstrict, p.proretset, p.procost, p.prorows, p.proparallel, p.proconfig::text,
       pg_get_userbyid(p.proowner), {_rights("p.proacl", "f", "p.proowner")})
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
  JOIN pg_language l ON l.oid = p.prolang
 WHERE n.nspname IN ('public', 'sec') AND p.oid <> ALL (ARRAY[
       coalesce(to_regprocedure('sec.shift()'), 0),
       coalesce(to_regprocedure('sec.remembered_timeline()'), 0)]::oid[])
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass
                      AND d.objid = p.oid AND d.deptype = 'e')
UNION ALL
SELECT 'type', c.oid::regclass::text, string_agg(a.attname || ' '
       || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
 WHERE n.nspname IN ('public', 'sec') AND c.relkind = 'c'
   AND NOT EXISTS (SELECT FROM pg_depend d JOIN pg_type t ON t.oid = d.objid
                    WHERE d.classid = 'pg_type'::regclass AND t.typrelid = c.oid
                      AND d.deptype = 'e')
 GROUP BY c.oid
UNION ALL
SELECT 'view', n.nspname || '.' || c.relname, pg_get_viewdef(c.oid)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname IN ('public', 'sec') AND c.relkind IN ('v', 'm')
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                      AND d.objid = c.oid AND d.deptype = 'e')
UNION ALL
SELECT 'text search', c.cfgname, string_agg(m.maptokentype || ':' || m.mapdict::regdictionary::text,
       ',' ORDER BY m.maptokentype, m.mapseqno)
  FROM pg_ts_config c JOIN pg_namespace n ON n.oid = c.cfgnamespace
  JOIN pg_ts_config_map m ON m.mapcfg = c.oid WHERE n.nspname = 'public' GROUP BY c.cfgname
UNION ALL
SELECT 'schema', n.nspname, {_rights("n.nspacl", "n", "n.nspowner")}
  FROM pg_namespace n WHERE n.nspname IN ('public', 'sec')
UNION ALL
SELECT 'extension', extname, '' FROM pg_extension WHERE extname <> 'pg_stat_statements'
"""

Catalogue = Mapping[str, str]  # "kind name" → sixteen hex digits


def read(cursor: Any) -> Catalogue:
    """The catalogue of the database that `cursor` is connected to. Any role may call it."""
    cursor.execute(_OBJECTS)
    return {
        f"{kind} {name}": hashlib.sha256(_plain(kind, definition).encode()).hexdigest()[:16]
        for kind, name, definition in cursor.fetchall()
    }


# PostgreSQL writes a condition with other casts and parentheses once it was dumped and restored.
_SPELLING = re.compile(r"::[a-z][a-z ]*(\[\])?|[()\s]")


def _plain(kind: str, definition: str | None) -> str:
    return (
        _SPELLING.sub("", definition or "") if kind in ("index", "constraint") else definition or ""
    )


def fingerprint(catalogue: Catalogue) -> str:
    """One digest over the whole catalogue: 64 hex digits."""
    return hashlib.sha256(dump(catalogue).encode()).hexdigest()


def dump(catalogue: Catalogue) -> str:
    """The catalogue in the format of catalogue.txt: one line per object, sorted."""
    return "".join(f"{digest} {name}\n" for name, digest in sorted(catalogue.items()))


def expected() -> Catalogue:
    """The catalogue that this code was written for."""
    lines = FILE.read_text().splitlines()
    return {name: digest for digest, _, name in (line.partition(" ") for line in lines)}


def differences(found: Catalogue, wanted: Catalogue) -> list[str]:
    """The objects of `found` that are missing, unknown or different, compared with `wanted`: one
    line each, sorted."""
    lines = [f"missing: {name}" for name in wanted.keys() - found.keys()]
    lines += [f"unknown: {name}" for name in found.keys() - wanted.keys()]
    lines += [
        f"different: {name}" for name in found.keys() & wanted.keys() if found[name] != wanted[name]
    ]
    return sorted(lines)
