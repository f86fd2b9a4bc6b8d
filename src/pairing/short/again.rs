use super::packets::{Packets, marks, packets};
use crate::pairing::Exchange;

/// What an exchange with a short form has that the last one of its connection had not; what is absent is
/// as it was there. As JSON it is an object of:
///
/// the number of the connection (`on`), four `packets` as in [`Plain`](super::Plain), the first one by how
/// much it is later than that of the last exchange, and `path`, `request_id`, the bytes of the request's
/// body (`asked`), `status`, the bytes of the response's body (`answered`).
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Again<S> {
    on: u64,
    packets: Packets,
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
        Some(Self {
            on: exchange.connection,
            packets: packets(times, before.first?),
            path: now.path.as_deref().filter(|_| now.path != before.path),
            request_id: now.request_id.as_deref().filter(|_| now.request_id != before.request_id),
            asked: (now.body != before.body).then_some(now.body),
            status: (answer.status != answered.status).then_some(answer.status),
            answered: (answer.body != answered.body).then_some(answer.body),
        })
    }
}

impl<S: Into<Box<str>>> Again<S> {
    pub(super) fn connection(&self) -> u64 {
        self.on
    }

    /// Makes of the last exchange the one that this was made of.
    pub(super) fn apply(self, last: &mut Exchange) {
        let Exchange { request, response: Some(response), .. } = last else { return };
        let [first, sent, begun, ended] = marks(self.packets, request.first.unwrap_or_default());
        (request.first, request.last) = (Some(first), Some(sent));
        (response.first, response.last) = (begun, ended);
        if let Some(path) = self.path {
            request.path = Some(path.into());
        }
        if let Some(id) = self.request_id {
            request.request_id = Some(id.into());
        }
        request.body = self.asked.unwrap_or(request.body);
        response.status = self.status.unwrap_or(response.status);
        response.body = self.answered.unwrap_or(response.body);
    }
}
