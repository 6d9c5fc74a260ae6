//! The service that `src/grpc.rs` serves.

use tonic_build::manual::{Builder, Method, Service};

fn main() {
    let method = |name: &str, route: &str, asks: bool, answers: bool| {
        let mut method = Method::builder()
            .name(name)
            .route_name(route)
            .input_type("crate::grpc::Message")
            .output_type("crate::grpc::Message")
            .codec_path("tonic_prost::ProstCodec");
        if asks {
            method = method.client_streaming();
        }
        if answers {
            method = method.server_streaming();
        }
        method.build()
    };
    let echo = Service::builder()
        .name("Echo")
        .package("servers")
        .method(method("unary", "Unary", false, false))
        .method(method("down", "Down", false, true))
        .method(method("both", "Both", true, true))
        .build();
    Builder::new().compile(&[echo]);
}
