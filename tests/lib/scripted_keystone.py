# SPDX-License-Identifier: Apache-2.0
"""A scripted Keystone v3: tokens for passwords, application credentials and tokens, and a catalog.

    with ScriptedGlance() as glance, ScriptedKeystone(glance.url, lifetime=8) as keystone:
        glance.keystone = keystone
        keystone.revoke_all()           # what was handed out is refused from now on
"""
import datetime
import secrets
import time
import uuid

if __package__:
    from .scripted_http import Response, Server
else:
    from scripted_http import Response, Server

UNAUTHORIZED = {"error": {"code": 401, "message": "The request you have made requires authentication.",
                          "title": "Unauthorized"}}


def iso(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Token:
    def __init__(self, user, project, roles, methods, lifetime):
        self.id = "gAAAAA" + secrets.token_urlsafe(60)
        self.user, self.project, self.roles, self.methods = user, project, roles, methods
        self.issued = time.time()
        self.expires = self.issued + lifetime
        self.revoked = False

    @property
    def valid(self):
        return not self.revoked and time.time() < self.expires


class ScriptedKeystone(Server):
    """User `demo` of project `demo` (password `demopw`) and user `reader`, both in domain Default, are there."""

    routes = [("GET", "/", "versions"), ("GET", "/v3/?", "version3"), ("POST", "/v3/auth/tokens", "authenticate"),
              ("GET", "/v3/auth/tokens", "validate"), ("GET", "/v3/auth/catalog", "get_catalog")]

    def __init__(self, image_url, lifetime=3600, port=0, tls=None):
        super().__init__(port=port, tls=tls)
        self.lifetime = lifetime        # seconds
        self.tokens = {}
        self.projects = {"demo": "d" * 32, "other": "e" * 32}
        self.users = {}                 # name: (id, password, project's name, roles)
        self.add_user("demo", "demopw", "demo", ["member", "reader"])
        self.add_user("reader", "readerpw", "demo", ["reader"])
        self.app_credentials = {}       # id: (name, secret, user's name)
        self.endpoints = [("image", "glance", "RegionOne", "public", image_url),
                          ("image", "glance", "RegionOne", "internal", image_url),
                          ("image", "glance", "RegionOne", "admin", image_url)]

    @property
    def auth_url(self):
        return self.url + "/v3"

    def add_user(self, name, password, project, roles):
        self.users[name] = (uuid.uuid5(uuid.NAMESPACE_DNS, name).hex, password, project, roles)

    def add_app_credential(self, name, secret, user="demo"):
        ident = uuid.uuid4().hex
        self.app_credentials[ident] = (name, secret, user)
        return ident

    def add_endpoint(self, url, region="RegionOne", interface="public", kind="image", name="glance"):
        self.endpoints.append((kind, name, region, interface, url))

    def revoke_all(self):
        for token in self.tokens.values():
            token.revoked = True

    def check(self, token_id):
        """The valid Token of that id, or None."""
        token = self.tokens.get(token_id)
        return token if token and token.valid else None

    def environment(self, **more):
        """The OS_* variables of user demo."""
        return {"OS_AUTH_URL": self.auth_url, "OS_USERNAME": "demo", "OS_PASSWORD": "demopw", "OS_PROJECT_NAME": "demo",
                "OS_USER_DOMAIN_NAME": "Default", "OS_PROJECT_DOMAIN_NAME": "Default", "OS_REGION_NAME": "RegionOne",
                "OS_IDENTITY_API_VERSION": "3", **more}

    # answers

    def default_headers(self):
        return {"x-openstack-request-id": f"req-{uuid.uuid4()}", "Vary": "X-Auth-Token", **super().default_headers()}

    def version(self):
        return {"id": "v3.14", "status": "stable", "updated": "2020-04-07T00:00:00Z",
                "links": [{"rel": "self", "href": self.url + "/v3/"}],
                "media-types": [{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}]}

    def versions(self, _request):
        return Response(300, {"versions": {"values": [self.version()]}}, {"Location": self.url + "/v3/"})

    def version3(self, _request):
        return Response(200, {"version": self.version()})

    def not_found(self, _request):
        return Response(404, {"error": {"code": 404, "message": "Not Found.", "title": "Not Found"}})

    def authenticate(self, request):
        try:
            auth = request.json()["auth"]
            methods = auth["identity"]["methods"]
            who = getattr(self, "by_" + methods[0])(auth["identity"][methods[0]])
        except (KeyError, AttributeError, ValueError, TypeError) as error:
            return Response(400, {"error": {"code": 400, "message": f"Expecting to find {error} in the request",
                                            "title": "Bad Request"}})
        project = self.scope(auth.get("scope"), who)
        if who is None or project is False:
            return Response(401, UNAUTHORIZED, {"WWW-Authenticate": f'Keystone uri="{self.url}"'})
        token = Token(who, project, self.users[who][3], methods, self.lifetime)
        self.tokens[token.id] = token
        return Response(201, self.describe(token), {"X-Subject-Token": token.id})

    def by_password(self, identity):
        user = identity["user"]
        for name, (ident, password, _, _) in self.users.items():
            domain = user.get("domain", {})
            named = user.get("name") == name and (domain.get("name") == "Default" or domain.get("id") == "default")
            if (user.get("id") == ident or named) and user["password"] == password:
                return name
        return None

    def by_application_credential(self, identity):
        for ident, (name, secret, user) in self.app_credentials.items():
            named = identity.get("name") == name and identity.get("user", {}).get("name") == user
            if (identity.get("id") == ident or named) and identity["secret"] == secret:
                return user
        return None

    def by_token(self, identity):
        token = self.check(identity["id"])
        return token and token.user

    def scope(self, wanted, who):
        """The project's name, None for an unscoped token, False when the user has no role there."""
        own = self.users[who][2] if who else None
        if not wanted or "project" not in wanted:
            return own
        project = wanted["project"]
        if project.get("id"):
            return own if self.projects.get(own) == project["id"] else False
        return own if project.get("name") == own else False

    def validate(self, request):
        token = self.check(request.headers.get("x-subject-token"))
        if not self.check(request.headers.get("x-auth-token")):
            return Response(401, UNAUTHORIZED)
        return Response(200, self.describe(token)) if token else self.not_found(request)

    def get_catalog(self, request):
        if not self.check(request.headers.get("x-auth-token")):
            return Response(401, UNAUTHORIZED)
        return Response(200, {"catalog": self.catalog(), "links": {"self": self.url + "/v3/auth/catalog"}})

    def catalog(self):
        services = {}
        identity = [("identity", "keystone", "RegionOne", i, self.auth_url) for i in ("public", "internal", "admin")]
        for kind, name, region, interface, url in self.endpoints + identity:
            service = services.setdefault(kind, {"endpoints": [], "id": uuid.uuid5(uuid.NAMESPACE_URL, kind).hex,
                                                 "type": kind, "name": name})
            service["endpoints"].append({"id": uuid.uuid4().hex, "interface": interface, "region_id": region,
                                         "url": url, "region": region})
        return list(services.values())

    def describe(self, token):
        domain = {"id": "default", "name": "Default"}
        about = {"methods": token.methods, "audit_ids": [secrets.token_urlsafe(16)],
                 "user": {"domain": domain, "id": self.users[token.user][0], "name": token.user,
                          "password_expires_at": None},
                 "expires_at": iso(token.expires), "issued_at": iso(token.issued)}
        if token.project:
            about |= {"project": {"domain": domain, "id": self.projects[token.project], "name": token.project},
                      "is_domain": False, "catalog": self.catalog(),
                      "roles": [{"id": uuid.uuid5(uuid.NAMESPACE_DNS, r).hex, "name": r} for r in token.roles]}
        return {"token": about}
