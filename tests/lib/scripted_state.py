# SPDX-License-Identifier: Apache-2.0
"""What a scripted engine holds, what a test does to it, and the events that this emits."""
import json
import re
import threading
import time

if __package__:
    from . import scripted_archive as archive, scripted_model as model
else:
    import scripted_archive as archive
    import scripted_model as model

KEPT_EVENTS = 256       # the real engine keeps as many for `since`
CHANGES = {"ENV", "CMD", "ENTRYPOINT", "LABEL", "USER", "WORKDIR", "EXPOSE", "VOLUME", "ONBUILD", "STOPSIGNAL",
           "HEALTHCHECK"}


class Refused(Exception):
    """An answer that is an error."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status, self.message = status, message


class Engine:
    """What is in the engine, and its events. All public calls may come from any thread."""

    def __init__(self):
        self.lock = threading.RLock()
        self.containers, self.names, self.images, self.refs = {}, {}, {}, {}
        self.streams, self.history = [], []
        self.commits = []               # (container's name, reference, paused while at it), in order of their ends
        self.committing, self.most_committing = 0, 0
        self.commit_gate = None         # threading.Event: commits stay in their middle until it is set
        self.commit_size = 4096         # bytes in the layer that a commit adds
        self.last_ns = 0

    # events

    def now(self):
        self.last_ns = max(time.time_ns(), self.last_ns + 1)
        return self.last_ns

    def emit(self, kind, action, ident, attributes):
        now = self.now()
        event = {"Type": kind, "Action": action, "Actor": {"ID": ident, "Attributes": attributes}, "scope": "local",
                 "time": now // 10**9, "timeNano": now}
        if kind == "container":
            event = {"status": action, "id": ident, "from": attributes["image"], **event}
        elif kind == "image":
            event = {"status": action, "id": ident, **event}
        with self.lock:
            self.history = self.history[-KEPT_EVENTS + 1:] + [event]
            for stream in self.streams:
                stream.put(event)

    def container_event(self, container, action, **more):
        self.emit("container", action, container.id,
                  {**container.labels, "image": container.image_ref, "name": container.name, **more})

    def image_event(self, image, action, name=None):
        self.emit("image", action, image.id, {**(image.labels or {}), "name": name or image.id})

    def network_event(self, container, action):
        self.emit("network", action, model.hex_id("none"), {"container": container.id, "name": "none", "type": "null"})

    def drop_streams(self):
        """Ends every event stream in mid-chunk, as an engine that dies; returns how many there were."""
        with self.lock:
            streams, self.streams = self.streams, []
        for stream in streams:
            stream.put(None)
        return len(streams)

    # images

    def add_image(self, ref=None, size=4096, quiet=False, seed=0, **about):
        with self.lock:
            image = model.make_image([archive.Layer(size, seed)], {"Cmd": ["/bin/sh"]}, created=self.now(), **about)
            self.images[image.id] = image
            if ref:
                self.tag(image, ref, quiet)
            if not quiet:
                self.image_event(image, "import", image.id)
            return image

    def tag(self, image, ref, quiet=False):
        ref = model.full_ref(ref)
        with self.lock:
            other = self.refs.get(ref)
            if other:
                other.refs.remove(ref)
            image.refs.append(ref)
            image.tagged = self.now()
            self.refs[ref] = image
            if not quiet:
                self.image_event(image, "tag", ref)

    def untag(self, ref):
        """Takes a name away; an image without another is deleted unless a container needs it."""
        ref = model.full_ref(ref)
        with self.lock:
            image = self.refs.pop(ref)
            image.refs.remove(ref)
            self.image_event(image, "untag")
            gone = [{"Untagged": ref}]
            if not image.refs and not self.user_of(image):
                gone += self.delete(image)
            return gone

    def delete(self, image):
        del self.images[image.id]
        self.image_event(image, "delete")
        return [{"Deleted": image.id}]

    def user_of(self, image):
        return next((c for c in self.containers.values() if c.image is image), None)

    def find_image(self, name):
        with self.lock:
            short = name.removeprefix("sha256:")
            found = self.refs.get(model.full_ref(name)) or self.images.get("sha256:" + short)
            if not found and re.fullmatch("[0-9a-f]{1,64}", short):
                found = next((i for i in self.images.values() if i.hex_id.startswith(short)), None)
            if not found:
                raise Refused(404, f"No such image: {model.full_ref(name)}")
            return found

    # containers

    def add_container(self, name, image=None, state="running", quiet=False, **about):
        """A container in that state, with the events that it takes to get there (none if `quiet`)."""
        with self.lock:
            image = image or next(iter(self.images.values()), None) or self.add_image("busybox:latest", quiet=quiet)
            container = model.Container(name, image, state, **about)
            self.containers[container.id] = container
            self.names[name] = container
            if not quiet:
                self.container_event(container, "create")
                if state != "created":
                    self.container_event(container, "start")
                if state in ("exited", "dead", "restarting"):
                    self.container_event(container, "die", exitCode=str(container.exit_code))
                if state == "paused":
                    self.container_event(container, "pause")
            return container

    def add_containers(self, count, prefix="c", quiet=True):
        return [self.add_container(f"{prefix}{n:05d}", quiet=quiet) for n in range(count)]

    def find(self, name):
        """By full id, name or unambiguous prefix; a Container is itself."""
        if isinstance(name, model.Container):
            return name
        with self.lock:
            found = self.containers.get(name) or self.names.get(name.removeprefix("/"))
            if found:
                return found
            matching = [c for i, c in self.containers.items() if name and i.startswith(name)]
            if len(matching) > 1:
                raise Refused(500, f"Multiple IDs found with provided prefix: {name}")
            if not matching:
                raise Refused(404, f"No such container: {name}")
            return matching[0]

    def _set(self, container, state, action, **attributes):
        container.state = state
        container.changed()
        self.container_event(container, action, **attributes)

    def start(self, name):
        with self.lock:
            container = self.find(name)
            if container.running:
                raise Refused(304, "")
            container.started, container.exit_code = self.now(), 0
            self.network_event(container, "connect")
            self._set(container, "running", "start")

    def die(self, name, exit_code=0):
        with self.lock:
            container = self.find(name)
            container.exit_code, container.finished = exit_code, self.now()
            self._set(container, "exited", "die", exitCode=str(exit_code))
            self.network_event(container, "disconnect")
            if container.auto_remove:
                self.remove(container)

    def stop_container(self, name):
        with self.lock:
            container = self.find(name)
            if not container.running:
                raise Refused(304, "")
            self.container_event(container, "kill", signal="15")
            self.die(container, 143)
            self.container_event(container, "stop")

    def pause(self, name):
        with self.lock:
            container = self.find(name)
            if container.state == "paused":
                raise Refused(409, f"Container {container.id} is already paused")
            if not container.running:
                raise Refused(409, f"Container {container.id} is not running")
            self._set(container, "paused", "pause")

    def unpause(self, name):
        with self.lock:
            container = self.find(name)
            if container.state != "paused":
                raise Refused(500, f"Container {container.id} is not paused")
            self._set(container, "running", "unpause")

    def rename(self, name, new):
        with self.lock:
            container = self.find(name)
            self.check_name(new, "Error when allocating new name: ")
            old = container.name
            del self.names[old]
            self.names[new] = container
            container.name = new
            self._set(container, container.state, "rename", oldName="/" + old)

    def check_name(self, name, prefix=""):
        if name in self.names:
            raise Refused(409, f'{prefix}Conflict. The container name "/{name}" is already in use by container '
                               f'"{self.names[name].id}". You have to remove (or rename) that container to be able '
                               'to reuse that name.')

    def remove(self, name, force=False):
        with self.lock:
            container = self.find(name)
            if container.running and not force:
                raise Refused(409, f"You cannot remove a {container.state} container {container.id}. Stop the "
                                   "container before attempting removal or force remove")
            if container.running:
                self.container_event(container, "kill", signal="9")
                self._set(container, "exited", "die", exitCode="137")
            del self.containers[container.id], self.names[container.name]
            self.container_event(container, "destroy")

    # commit

    def commit(self, name, ref, pause=True, author="", comment="", changes=()):
        container = self.find(name)
        settings = self.changed_settings(container, changes)
        if ref and ref != ref.lower():
            self.new_image(container, None, settings, author, comment)      # the real engine leaves it behind, too
            raise Refused(500, "invalid reference format: repository name must be lowercase")
        own_pause = pause and container.state == "running"
        if own_pause:
            self.pause(container)
        self._commit_begins()
        try:
            if self.commit_gate:
                self.commit_gate.wait(60)
            paused = container.state == "paused"
            image = self.new_image(container, ref, settings, author, comment)
            self.commits.append((container.name, ref, paused))
        finally:
            self._commit_ends()
            if own_pause and container.state == "paused":
                self.unpause(container)
        return image

    def _commit_begins(self):
        with self.lock:
            self.committing += 1
            self.most_committing = max(self.most_committing, self.committing)

    def _commit_ends(self):
        with self.lock:
            self.committing -= 1

    def changed_settings(self, container, changes):
        settings = container.config()
        for change in changes:
            word, _, rest = change.strip().partition(" ")
            if word.upper() not in CHANGES:
                raise Refused(400, f"{word.lower()} is not a valid change command")
            if word.upper() == "ENV":
                settings["Env"] = [*(settings["Env"] or []), rest]
            elif word.upper() == "CMD":
                settings["Cmd"] = json.loads(rest) if rest.startswith("[") else ["/bin/sh", "-c", rest]
            elif word.upper() == "LABEL":
                settings["Labels"] = {**(settings["Labels"] or {}), rest.partition("=")[0]: rest.partition("=")[2]}
            elif word.upper() in ("USER", "WORKDIR"):
                settings[{"USER": "User", "WORKDIR": "WorkingDir"}[word.upper()]] = rest
        return settings

    def new_image(self, container, ref, settings, author, comment):
        with self.lock:
            parent = container.image
            layers = [*parent.layers, archive.Layer(self.commit_size, len(self.images))]
            image = model.make_image(layers, settings, parent, container, author, comment, self.now())
            self.images[image.id] = image
            if ref:
                self.tag(image, ref)
            self.container_event(container, "commit", comment=comment, imageID=image.id, imageRef=ref or "")
            return image

    # benches

    def churn(self, count):
        """`count` container events: each container in turn stops, then each in turn starts."""
        with self.lock:
            everyone = list(self.containers.values())
            for n in range(count):
                container = everyone[n % len(everyone)]
                if container.running:
                    self._set(container, "exited", "die", exitCode="0")
                else:
                    self._set(container, "running", "start")
