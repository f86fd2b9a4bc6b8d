use super::packets::{Packets, marks, packets};
use crate::pairing::Exchange;

/// What an exchange with a short form has that the last one of its connection had not. As JSON it is an
/// array of:
///
/// the number of the connection, four packets as in [`Plain`](super::Plain), the first one by how much it
/// is later than that of the last exchange; and an object of what else is not as it was there, if there is
/// anything: `path`, `request_id`, the bytes of the request's body (`asked`), `status`, the bytes of the
/// response's body (`answered`).
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Again<S>(
    u64,
    Packets,
    #[serde(default, skip_serializing_if = "Option::is_none")] Option<Changed<S>>,
);

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Changed<S> {
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<S>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<S>,
    #[serde(skip_serializing_if = "Option::is_none")]
    asked: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answered: Option<u64>,
}

impl<'a> Again<&'a str> {
    /// What `exchange` has that `last` had not; both have a short form, and are of one connection.
    /// `None` if it is more than can be said.
    pub(super) fn of(exchange: &'a Exchange, last: &Exchange) -> Option<Self> {
        let (now, before) = (&exchange.request, &last.request);
        let same = now.method == before.method
            && now.host == before.host
            && now.probe == before.probe
            && now.path.is_some() == before.path.is_some()
            && now.request_id.is_some() == before.request_id.is_some();
        let (answer, answered) =
            same.then_some(exchange.response.as_ref()?).zip(last.response.as_ref())?;
        let times = [now.first?, now.last?, answer.first, answer.last];
        let changed = Changed {
            path: now.path.as_deref().filter(|_| now.path != before.path),
            request_id: now.request_id.as_deref().filter(|_| now.request_id != before.request_id),
            asked: (now.body != before.body).then_some(now.body),
            status: (answer.status != answered.status).then_some(answer.status),
            answered: (answer.body != answered.body).then_some(answer.body),
        };
        let changed = changed.says_anything().then_some(changed);
        Some(Self(exchange.connection, packets(times, before.first?), changed))
    }
}

impl<S: Into<Box<str>>> Again<S> {
    pub(super) fn connection(&self) -> u64 {
        self.0
    }

    /// Makes of the last exchange the one that this was made of.
    pub(super) fn apply(self, last: &mut Exchange) {
        let Self(_, packets, changed) = self;
        let Exchange { request, response: Some(response), .. } = last else { return };
        let [first, sent, begun, ended] = marks(packets, request.first.unwrap_or_default());
        (request.first, request.last) = (Some(first), Some(sent));
        (response.first, response.last) = (begun, ended);
        let Some(changed) = changed else { return };
        if let Some(path) = changed.path {
            request.path = Some(path.into());
        }
        if let Some(id) = changed.request_id {
            request.request_id = Some(id.into());
        }
        request.body = changed.asked.unwrap_or(request.body);
        response.status = changed.status.unwrap_or(response.status);
        response.body = changed.answered.unwrap_or(response.body);
    }
}

impl<S> Changed<S> {
    fn says_anything(&self) -> bool {
        let Self { path, request_id, asked, status, answered } = self;
        (path.is_some() || request_id.is_some())
            || (asked.is_some() || status.is_some() || answered.is_some())
    }
}
