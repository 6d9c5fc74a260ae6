//! The screens of one thing, and what the last scan found for them.

use crate::{
    id::{DescriptorId, IoKey, ResourceKey, TaskKey},
    lints::findings::{Finding, Findings},
    model::{
        detail::{self, Children},
        io_detail, overview, resource,
        resource::ResourceOps,
        runtime,
        ui::nav_stack::Chosen,
        waits,
    },
    nav::Screen,
    screen::{
        findings::Subject,
        io::DescriptorView,
        resource::ResourceView,
        task::{Link, TaskFinding, TaskView},
    },
    table::{Context, Table},
    tables::{made, workers::Workers},
};

/// See the module's text.
#[derive(Debug, Default)]
pub(super) struct Pages {
    pub(super) children: Children,
    pub(super) resource_ops: ResourceOps,
}

/// A screen of links: all of them, and the chosen one.
pub(super) type LinkList = (Vec<Link>, Option<usize>);

impl Pages {
    pub(super) fn task(&self, at: Context<'_>, key: TaskKey, chosen: Chosen) -> Option<TaskView> {
        let task = at.store.task(key)?;
        let mut view = detail::view(at.store, task, &self.children, chosen, &at.config.lints);
        let about = |finding: &Finding| match finding.id.subject {
            Subject::Site => false,
            Subject::Task(subject) => subject == key || finding.tasks.contains(&key),
            Subject::Resource(_) | Subject::Descriptor(_) | Subject::Thread(_) | Subject::Runtime(_) => {
                finding.tasks.contains(&key)
            }
        };
        view.findings.splice(0..0, findings(at.findings, about));
        Some(view)
    }

    pub(super) fn resource(&self, at: Context<'_>, key: ResourceKey, chosen: Chosen) -> Option<ResourceView> {
        let resource = at.store.resources.resource(key)?;
        let mut view = resource::view(at.store, resource, &self.resource_ops, chosen);
        view.findings = findings(at.findings, |finding| made::concerned(finding, at.store).contains(&key));
        Some(view)
    }

    /// The links of a screen on a terminal of this height; `None`: it is one that has none.
    pub(super) fn links(
        &self,
        at: Context<'_>,
        screen: Screen,
        chosen: Chosen,
        (workers, height): (&Table<Workers>, u16),
    ) -> Option<LinkList> {
        match screen {
            Screen::Task(key) => self.task(at, key, chosen).map(|view| (view.links, view.selected_link)),
            Screen::Resource(key) => {
                self.resource(at, key, chosen).map(|view| (view.links, view.selected_link))
            }
            Screen::Descriptor(id) => descriptor(at, id).map(|view| (view.links, view.selected_link)),
            Screen::Waits(of) => {
                waits::view(at.store, of, chosen).map(|view| (view.links, view.selected_link))
            }
            Screen::Worker(key) => {
                runtime::worker::view(at, key, chosen).map(|view| (view.links, view.selected_link))
            }
            Screen::Runtime => {
                let view = runtime::view(at, workers, chosen);
                Some((view.links, view.selected_link))
            }
            Screen::Overview => {
                let (view, _) = overview::view(at, chosen, height, None);
                Some((view.links, view.selected_link))
            }
            // The others are lists.
            _ => None,
        }
    }
}

pub(super) fn descriptor(at: Context<'_>, id: DescriptorId) -> Option<DescriptorView> {
    let mut view = io_detail::descriptor_view(at.store, &at.store.thing(IoKey::Descriptor(id))?);
    view.findings = findings(at.findings, |finding| finding.id.subject == Subject::Descriptor(id));
    Some(view)
}

/// Findings that are about more than one task, for the screen of one thing that they are about.
pub(super) fn findings(all: &Findings, is_about: impl Fn(&Finding) -> bool) -> Vec<TaskFinding> {
    all.list.iter().filter(|finding| is_about(finding)).map(TaskFinding::from).collect()
}

impl From<&Finding> for TaskFinding {
    fn from(finding: &Finding) -> Self {
        Self {
            lint: finding.id.lint,
            severity: finding.severity,
            confidence: finding.confidence,
            message: finding.message.clone(),
            advice: finding.advice.to_owned(),
        }
    }
}
