//! A small HTTP server that answers as Flink does for what operations ask, beside a fake platform that publishes its port.
//! It keeps a log of the requests that change something, and gets into trouble when it is told to: refuses, answers late or
//! not at all, is away for a while.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::{Call, playground};

/// The project of the fake platform.
const PROJECT: &str = "fake";
/// The jar that the click job came from, as `up` names it.
const JAR: &str = "118cefef-2c4a-4298-a080-0850e2f24907_click-event-count-f0f5f4e0d291.jar";
/// The id of the click job that is there at first.
pub const JOB: &str = "199a34fbd30d88b942cd3e0b905649aa";

/// What goes wrong with a request.
#[derive(Debug, Clone)]
pub enum Trouble {
    /// It is refused.
    Refuse(u16, &'static str),
    /// It is carried out, and then refused.
    RefuseWhatIsDone(u16, &'static str),
    /// It is carried out, and the connection ends without an answer.
    LoseAnswer,
    /// The connection ends, and nothing is carried out.
    LoseRequest,
    /// It is carried out, and answered so much later.
    Late(Duration),
    /// The JobManager is lost before it is carried out, and back after so long, without its triggers.
    Restart(Duration),
}

struct Job {
    id: String,
    state: &'static str,
    parallelism: u64,
    arguments: Vec<String>,
    jar: String,
    savepoint: Option<String>,
    /// When it began, or was rescaled, ms since the epoch.
    since: u64,
    /// With how many subtasks it begins, and when it gets the rest.
    begins: Option<(u64, Instant)>,
}

struct World {
    jobs: Vec<Job>,
    jars: Vec<String>,
    triggers: BTreeMap<String, Value>,
    log: Vec<String>,
    troubles: Vec<(&'static str, usize, Trouble)>,
    away_until: Instant,
    /// How long a new job has one subtask of each vertex only.
    grows_after: Option<Duration>,
    /// The most jobs that lived at a time.
    most: usize,
    platform: PathBuf,
}

/// The server, and the folder of its platform.
pub struct FakeFlink {
    world: Arc<Mutex<World>>,
    pub folder: tempfile::TempDir,
}

impl FakeFlink {
    /// With the click job running on one TaskManager of two slots.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("make a folder");
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind a port");
        let port = listener.local_addr().expect("its address").port();
        let platform = folder.path().join(format!("{PROJECT}.json"));
        std::fs::write(&platform, stack(port).to_string()).expect("write the platform");
        let job = Job {
            id: JOB.to_owned(),
            state: "RUNNING",
            parallelism: 2,
            arguments: vec!["--event-time".to_owned(), "true".to_owned()],
            jar: JAR.to_owned(),
            savepoint: None,
            since: now(),
            begins: None,
        };
        let world = World {
            jobs: vec![job],
            jars: vec![JAR.to_owned()],
            triggers: BTreeMap::new(),
            log: Vec::new(),
            troubles: Vec::new(),
            away_until: Instant::now(),
            grows_after: None,
            most: 1,
            platform,
        };
        let world = Arc::new(Mutex::new(world));
        let served = Arc::clone(&world);
        // It ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let world = Arc::clone(&served);
                std::thread::spawn(move || serve(&world, &stream.expect("a connection")));
            }
        });
        Self { world, folder }
    }

    /// The same, with its job stopped and the savepoint on disk.
    pub fn stopped() -> Self {
        let flink = Self::new();
        flink.world().jobs[0].state = "FINISHED";
        flink.on_disk(JOB);
        flink
    }

    /// Under the adaptive scheduler, a new job begins with the first slot and restarts when it gets the others.
    pub fn growing(self, after: Duration) -> Self {
        self.world().grows_after = Some(after);
        self
    }

    /// Puts a savepoint of a job on disk, as the reader of savepoints tells it.
    pub fn on_disk(&self, job: &str) {
        let savepoint = json!([{ "path": "file:/flink-data/savepoints/savepoint-199a34-1", "job": job[..6],
            "time_ms": now(), "size_bytes": 9, "readable": true }]);
        let exec = self.folder.path().join("exec");
        std::fs::create_dir_all(&exec).expect("make a folder");
        std::fs::write(exec.join("read-savepoints"), savepoint.to_string()).expect("write the savepoints");
    }

    /// Gets into trouble at the next requests whose method and path have this in them, as often as said.
    pub fn trouble(self, request: &'static str, times: usize, trouble: Trouble) -> Self {
        self.world().troubles.push((request, times, trouble));
        self
    }

    pub fn playground(&self, args: &[&str]) -> Call {
        let platform = self.folder.path().to_str().expect("UTF-8");
        playground(["-p", PROJECT].iter().chain(args)).env("PLAYGROUND_FAKE_PLATFORM", platform).dir(self.folder.path())
    }

    /// The requests so far that were to change something, as plans tell them.
    pub fn log(&self) -> Vec<String> {
        self.world().log.clone()
    }

    /// The most jobs that lived at a time.
    pub fn most_jobs_at_a_time(&self) -> usize {
        self.world().most
    }

    /// The jobs that live: their ids, and where they began.
    pub fn living(&self) -> Vec<(String, Option<String>)> {
        let world = self.world();
        let living = world.jobs.iter().filter(|job| job.lives());
        living.map(|job| (job.id.clone(), job.savepoint.clone())).collect()
    }

    /// What is noted on the platform of jobs that are on their way, as in `stopped Click Event Count`, in order.
    pub fn noted(&self) -> Vec<String> {
        self.notes().into_iter().filter(|note| !note.starts_with("running ")).collect()
    }

    /// The same with those of jobs that run.
    pub fn notes(&self) -> Vec<String> {
        let platform: Value =
            serde_json::from_slice(&std::fs::read(&self.world().platform).expect("the platform")).expect("JSON");
        let words = |mark: &Value| Some(format!("{} {}", mark["kind"].as_str()?, mark["job"]["name"].as_str()?));
        let mut noted: Vec<String> = platform["marks"].as_array().into_iter().flatten().filter_map(words).collect();
        noted.sort();
        noted
    }

    /// The TaskManagers that run on the platform.
    pub fn taskmanagers(&self) -> u64 {
        self.world().taskmanagers()
    }

    fn world(&self) -> MutexGuard<'_, World> {
        lock(&self.world)
    }
}

/// A stack with a JobManager that publishes this port, in the fake platform's own format.
fn stack(port: u16) -> Value {
    let made = |service: &str, ports: Value| {
        json!({ "hash": "h", "one_shot": false, "instance": { "service": service, "number": 1, "id": service,
            "state": "running", "health": "healthy", "exit_code": null, "ports": ports, "connected": true } })
    };
    let rest = json!([{ "host": "127.0.0.1", "published": port, "target": 8081 }]);
    let made = [made("jobmanager", rest), made("taskmanager", json!([]))];
    json!({ "made": made, "marks": [], "lock": null, "network": true, "volumes": [] })
}

fn lock(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    u64::try_from(since.as_millis()).expect("before the year 500 million")
}

/// One request of a connection; the answer ends it.
fn serve(world: &Mutex<World>, stream: &TcpStream) {
    let Some(request) = read(stream) else { return };
    if Instant::now() < lock(world).away_until {
        return respond(stream, 503, &refusal("no leader"));
    }
    let trouble = lock(world).begins(&request);
    match trouble {
        Some(Trouble::Refuse(status, reason)) => return respond(stream, status, &refusal(reason)),
        Some(Trouble::LoseRequest) => return,
        Some(Trouble::Restart(away)) => {
            let mut world = lock(world);
            world.away_until = Instant::now() + away;
            world.triggers.clear();
            return;
        }
        _ => {}
    }
    let (status, answer) = lock(world).answer(&request);
    match trouble {
        Some(Trouble::LoseAnswer) => {}
        Some(Trouble::RefuseWhatIsDone(status, reason)) => respond(stream, status, &refusal(reason)),
        Some(Trouble::Late(late)) => {
            std::thread::sleep(late);
            respond(stream, status, &answer);
        }
        _ => respond(stream, status, &answer),
    }
}

struct Request {
    method: String,
    path: String,
    body: String,
    changes: bool,
}

impl Request {
    /// As plans tell it.
    fn line(&self) -> String {
        if let Some((_, rest)) = self.body.split_once("filename=\"") {
            let (name, _) = rest.split_once('"').expect("a file name");
            return format!("{} {} ({name})", self.method, self.path);
        }
        let body = if self.body.is_empty() { String::new() } else { format!(" {}", self.body) };
        format!("{} {}{body}", self.method, self.path)
    }
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let (method, path) = line.strip_suffix(" HTTP/1.1\r\n")?.split_once(' ')?;
    let (method, path, mut length) = (method.to_owned(), path.to_owned(), 0);
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let changes = method != "GET";
    Some(Request { method, path, body: String::from_utf8_lossy(&body).into_owned(), changes })
}

fn respond(mut stream: &TcpStream, status: u16, body: &Value) {
    let body = body.to_string();
    let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    // Who does not wait for the answer has gone away.
    let _ = stream.write_all(format!("{head}{body}").as_bytes());
}

fn refusal(reason: &str) -> Value {
    json!({ "errors": [reason] })
}

impl Job {
    fn lives(&self) -> bool {
        matches!(self.state, "RUNNING" | "RESTARTING")
    }

    /// A jar of the user's is a job of another name.
    fn name(&self) -> &'static str {
        if self.jar.contains("click-event-count") { "Click Event Count" } else { "Mine" }
    }

    fn summary(&self) -> Value {
        json!({ "jid": self.id, "name": self.name(), "state": self.state, "start-time": 1, "duration": 2 })
    }

    /// How many subtasks of each vertex it has now.
    fn parallelism(&self) -> u64 {
        match self.begins {
            Some((few, until)) if Instant::now() < until => few,
            _ => self.parallelism,
        }
    }

    fn detail(&self) -> Value {
        let parallelism = self.parallelism();
        let running = if self.state == "RUNNING" { parallelism } else { 0 };
        json!({ "jid": self.id, "name": self.name(), "state": self.state, "start-time": 1, "now": now(), "vertices": [{
            "id": "v", "name": "Source", "parallelism": parallelism, "maxParallelism": 128,
            "status": self.state, "tasks": { "RUNNING": running, "INITIALIZING": 0, "SCHEDULED": 0, "CREATED": parallelism - running } }] })
    }

    fn parameters(&self) -> Value {
        let pairs = self.arguments.chunks(2).filter_map(|pair| Some((pair.first()?.strip_prefix("--")?, pair.get(1)?)));
        let mut parameters: BTreeMap<&str, &str> = pairs.map(|(name, value)| (name, value.as_str())).collect();
        parameters.insert("jar", &self.jar);
        json!({ "execution-config": { "job-parallelism": self.parallelism, "user-config": parameters } })
    }

    /// A job that is asked to fails as it starts, again and again.
    fn exceptions(&self) -> Value {
        let entry = json!({ "exceptionName": "x.Y", "stacktrace": "x.Y: asked to fail on start", "timestamp": 1 });
        let entries = if self.state == "RESTARTING" { vec![entry; 3] } else { Vec::new() };
        json!({ "exceptionHistory": { "entries": entries } })
    }
}

impl World {
    /// Logs a request, and takes the trouble that it gets into.
    fn begins(&mut self, request: &Request) -> Option<Trouble> {
        let line = request.line();
        let found = self.troubles.iter_mut().find(|(on, times, _)| *times > 0 && line.contains(on));
        let trouble = found.map(|(_, times, trouble)| {
            *times -= 1;
            trouble.clone()
        });
        if request.changes {
            self.log.push(line);
        }
        trouble
    }

    fn taskmanagers(&self) -> u64 {
        let file = std::fs::File::open(&self.platform).expect("the platform");
        // The binary may be writing it.
        file.lock_shared().expect("lock the platform");
        let platform: Value = serde_json::from_reader(&file).expect("the platform's JSON");
        let made = platform["made"].as_array().into_iter().flatten();
        let runs = |one: &&Value| one["instance"]["service"] == "taskmanager" && one["instance"]["state"] == "running";
        made.filter(runs).count() as u64
    }

    fn job(&mut self, id: &str) -> Option<&mut Job> {
        self.jobs.iter_mut().find(|job| job.id == id)
    }

    fn answer(&mut self, request: &Request) -> (u16, Value) {
        let path = request.path.split('?').next().unwrap_or_default();
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let body = serde_json::from_str::<Value>(&request.body).unwrap_or_default();
        let answer = match (request.method.as_str(), parts.as_slice()) {
            ("GET", ["overview"]) => Some(self.overview()),
            ("GET", ["taskmanagers"]) => {
                let one = |number| json!({ "id": format!("t{number}"), "slotsNumber": 2, "freeSlots": 0 });
                Some(json!({ "taskmanagers": (0..self.taskmanagers()).map(one).collect::<Vec<_>>() }))
            }
            ("GET", ["jobs", "overview"]) => {
                Some(json!({ "jobs": self.jobs.iter().rev().map(Job::summary).collect::<Vec<_>>() }))
            }
            ("GET", ["jobs", id]) => self.job(id).map(|job| job.detail()),
            ("GET", ["jobs", id, "config"]) => self.job(id).map(|job| job.parameters()),
            ("GET", ["jobs", id, "exceptions"]) => self.job(id).map(|job| job.exceptions()),
            ("GET", ["jobs", id, "checkpoints"]) => self.job(id).map(|_| {
                json!({ "counts": { "restored": 0, "completed": 1, "failed": 0, "in_progress": 0 },
                    "latest": { "completed": null, "restored": null }, "history": [] })
            }),
            ("GET", ["jobs", id, "vertices", _]) => self.job(id).map(|job| {
                let one = json!({ "status": "RUNNING", "start-time": job.since, "status-duration": {} });
                json!({ "subtasks": vec![one; usize::try_from(job.parallelism()).unwrap_or_default()] })
            }),
            ("GET", ["jobs", _, "savepoints", trigger] | ["savepoint-disposal", trigger]) => {
                self.triggers.get(*trigger).cloned()
            }
            ("GET" | "PUT", ["jobs", id, "resource-requirements"]) => self.require(id, &body),
            ("GET", ["jars"]) => Some(self.list_jars()),
            ("POST", ["jars", "upload"]) => Some(self.upload(&request.line())),
            ("POST", ["jars", _, "plan"]) => Some(json!({})),
            ("POST", ["jars", jar, "run"]) => return self.run(jar, &body),
            ("POST", ["jobs", id, kind @ ("stop" | "savepoints")]) => self.savepoint(id, kind, &body),
            ("POST", ["savepoint-disposal"]) => {
                let done = json!({ "status": { "id": "COMPLETED" }, "operation": {} });
                self.triggers.insert("d".repeat(32), done);
                Some(json!({ "request-id": "d".repeat(32) }))
            }
            ("PATCH", ["jobs", id]) => self.job(id).map(|job| {
                job.state = "CANCELED";
                json!({})
            }),
            _ => None,
        };
        answer.map_or_else(|| (404, refusal("not found")), |answer| (200, answer))
    }

    fn overview(&self) -> Value {
        let taken: u64 = self.jobs.iter().filter(|job| job.lives()).map(|job| job.parallelism).sum();
        let slots = 2 * self.taskmanagers();
        json!({ "taskmanagers": self.taskmanagers(), "slots-total": slots,
            "slots-available": slots.saturating_sub(taken), "flink-version": "2.2.1" })
    }

    fn list_jars(&self) -> Value {
        let one = |jar: &String| json!({ "id": jar, "name": jar.split_once('_').map(|(_, name)| name), "uploaded": 1 });
        json!({ "files": self.jars.iter().map(one).collect::<Vec<_>>() })
    }

    fn upload(&mut self, line: &str) -> Value {
        let name = line.split_once('(').expect("a name").1.trim_end_matches(')');
        let id = format!("9f9f_{name}");
        self.jars.push(id.clone());
        json!({ "filename": format!("/flink-data/uploads/{id}") })
    }

    fn run(&mut self, jar: &str, body: &Value) -> (u16, Value) {
        let id = body["jobId"].as_str().expect("a job's id").to_owned();
        if self.job(&id).is_some() {
            return (500, refusal("o.a.f.DuplicateJobSubmissionException: Job has already been submitted."));
        }
        let arguments: Vec<String> = body["programArgsList"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|word| word.as_str().map(str::to_owned))
            .collect();
        let fails = arguments.iter().any(|word| word == "--fail-on-start");
        self.jobs.push(Job {
            id: id.clone(),
            state: if fails { "RESTARTING" } else { "RUNNING" },
            parallelism: body["parallelism"].as_u64().expect("a parallelism"),
            arguments,
            jar: jar.to_owned(),
            savepoint: body["savepointPath"].as_str().map(str::to_owned),
            since: now(),
            begins: self.grows_after.map(|after| (1, Instant::now() + after)),
        });
        self.most = self.most.max(self.jobs.iter().filter(|job| job.lives()).count());
        (200, json!({ "jobid": id }))
    }

    /// The same trigger sent again takes no second savepoint.
    fn savepoint(&mut self, id: &str, kind: &str, body: &Value) -> Option<Value> {
        let trigger = body["triggerId"].as_str().expect("a trigger").to_owned();
        let location = format!("file:/flink-data/savepoints/savepoint-{}-1", &id[..6]);
        let job = self.job(id)?;
        if kind == "stop" {
            job.state = "FINISHED";
        }
        let done = json!({ "status": { "id": "COMPLETED" }, "operation": { "location": location } });
        self.triggers.entry(trigger.clone()).or_insert(done);
        Some(json!({ "request-id": trigger }))
    }

    fn require(&mut self, id: &str, body: &Value) -> Option<Value> {
        let wanted = body["v"]["parallelism"]["upperBound"].as_u64();
        let job = self.job(id)?;
        if let Some(wanted) = wanted {
            (job.parallelism, job.since) = (wanted, now());
        }
        Some(json!({}))
    }
}

/// Whether lines were sent as a plan tells them, with one value for each of its names.
///
/// # Panics
/// Where they were not.
#[track_caller]
pub fn assert_as_planned(planned: &[String], sent: &[String]) {
    let mut values = BTreeMap::new();
    let fit = planned.len() == sent.len()
        && planned.iter().zip(sent).all(|(planned, sent)| {
            // A word of a command line, or a segment of a request's path.
            let ends: &[char] = if planned.starts_with("flink ") { &[' ', '\''] } else { &['/', '?', ' '] };
            is_as_planned(planned, sent, ends, &mut values)
        });
    assert!(fit, "planned {planned:#?}\nsent {sent:#?}\nwith {values:#?}");
}

/// What a plan has names for.
const NAMES: [&str; 6] = [":trigger", ":first-trigger", ":new-job", ":old-job", ":savepoint", ":jar"];

fn is_as_planned(planned: &str, sent: &str, ends: &[char], values: &mut BTreeMap<String, String>) -> bool {
    let found = NAMES.iter().filter_map(|name| Some((planned.find(name)?, *name))).min();
    let Some((at, name)) = found else { return planned == sent };
    if planned.get(..at) != sent.get(..at) {
        return false;
    }
    let (rest, quote) = (&sent[at..], ['"']);
    let value = &rest[..rest.find(if planned[..at].ends_with('"') { &quote } else { ends }).unwrap_or(rest.len())];
    let known = values.entry(name.to_owned()).or_insert_with(|| value.to_owned());
    known == value && is_as_planned(&planned[at + name.len()..], &rest[value.len()..], ends, values)
}

/// The lines of a dry run's JSON, of its parts or of its roll-back.
pub fn lines(plan: &Value, of: &str) -> Vec<String> {
    let parts = plan[of].as_array().into_iter().flatten();
    parts.filter_map(|part| part["line"].as_str().map(str::to_owned)).collect()
}

/// A file that a jar begins like.
pub fn jar_file(folder: &Path, name: &str) -> PathBuf {
    let file = folder.join(name);
    std::fs::write(&file, b"PK\x03\x04 not much of a jar").expect("write a jar");
    file
}
