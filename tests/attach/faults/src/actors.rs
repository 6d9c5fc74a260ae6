//! Two actors that send to each other: one pair with small inboxes, one that asks and waits for the answer.

use tokio::sync::{
    mpsc::{self, Receiver, Sender},
    oneshot,
};

/// Each handles a message by sending two.
pub(crate) async fn cycle() {
    let (to_worker, jobs) = mpsc::channel(2);
    let (to_dispatcher, wishes) = mpsc::channel(2);
    to_dispatcher.send(0).await.expect("there is room");
    tokio::spawn(dispatcher(wishes, to_worker));
    tokio::spawn(worker(jobs, to_dispatcher));
    crate::healthy::settle().await;
}

async fn dispatcher(mut wishes: Receiver<u64>, to_worker: Sender<u64>) {
    while let Some(wish) = wishes.recv().await {
        for job in 0..2 {
            if to_worker.send(wish + job).await.is_err() {
                return;
            }
        }
    }
}

async fn worker(mut jobs: Receiver<u64>, to_dispatcher: Sender<u64>) {
    while let Some(job) = jobs.recv().await {
        for _ in 0..2 {
            if to_dispatcher.send(job).await.is_err() {
                return;
            }
        }
    }
}

/// A question: what is asked, and where the answer goes.
struct Question {
    number: u64,
    answer: oneshot::Sender<u64>,
}

/// Each asks the other one while it handles a question: neither comes to the question in its inbox.
pub(crate) async fn ask() {
    let (to_prices, prices_inbox) = mpsc::channel(8);
    let (to_stock, stock_inbox) = mpsc::channel(8);
    let asked = [to_prices.clone(), to_stock.clone()];
    tokio::spawn(prices(prices_inbox, to_stock));
    tokio::spawn(stock(stock_inbox, to_prices));
    // Both are given one question; an answer may never come.
    for inbox in asked {
        let (answer, _) = oneshot::channel();
        assert!(inbox.send(Question { number: 1, answer }).await.is_ok(), "both live");
    }
    crate::healthy::settle().await;
}

async fn prices(mut inbox: Receiver<Question>, to_stock: Sender<Question>) {
    while let Some(question) = inbox.recv().await {
        let (answer, answered) = oneshot::channel();
        let _ = to_stock.send(Question { number: question.number, answer }).await;
        let pieces = answered.await.unwrap_or(0);
        let _ = question.answer.send(pieces * 3);
    }
}

async fn stock(mut inbox: Receiver<Question>, to_prices: Sender<Question>) {
    while let Some(question) = inbox.recv().await {
        let (answer, answered) = oneshot::channel();
        let _ = to_prices.send(Question { number: question.number, answer }).await;
        let price = answered.await.unwrap_or(0);
        let _ = question.answer.send(price / 2);
    }
}
