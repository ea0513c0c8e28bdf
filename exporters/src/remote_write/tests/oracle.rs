//! The messages of both protocols, read by prost.

pub(super) mod v1 {
    #[derive(Clone, PartialEq, prost::Message)]
    pub(in super::super) struct WriteRequest {
        #[prost(message, repeated, tag = "1")]
        pub(in super::super) timeseries: Vec<TimeSeries>,
        #[prost(message, repeated, tag = "3")]
        pub(in super::super) metadata: Vec<MetricMetadata>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(in super::super) struct TimeSeries {
        #[prost(message, repeated, tag = "1")]
        pub(in super::super) labels: Vec<Label>,
        #[prost(message, repeated, tag = "2")]
        pub(in super::super) samples: Vec<Sample>,
        #[prost(message, repeated, tag = "3")]
        pub(in super::super) exemplars: Vec<Exemplar>,
        #[prost(message, repeated, tag = "4")]
        pub(in super::super) histograms: Vec<super::Histogram>,
    }

    #[derive(Clone, PartialEq, Eq, prost::Message)]
    pub(in super::super) struct Label {
        #[prost(string, tag = "1")]
        pub(in super::super) name: String,
        #[prost(string, tag = "2")]
        pub(in super::super) value: String,
    }

    #[derive(Clone, Copy, PartialEq, prost::Message)]
    pub(in super::super) struct Sample {
        #[prost(double, tag = "1")]
        pub(in super::super) value: f64,
        #[prost(int64, tag = "2")]
        pub(in super::super) timestamp: i64,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(in super::super) struct Exemplar {
        #[prost(message, repeated, tag = "1")]
        pub(in super::super) labels: Vec<Label>,
        #[prost(double, tag = "2")]
        pub(in super::super) value: f64,
        #[prost(int64, tag = "3")]
        pub(in super::super) timestamp: i64,
    }

    #[derive(Clone, PartialEq, Eq, prost::Message)]
    pub(in super::super) struct MetricMetadata {
        #[prost(int32, tag = "1")]
        pub(in super::super) kind: i32,
        #[prost(string, tag = "2")]
        pub(in super::super) metric_family_name: String,
        #[prost(string, tag = "4")]
        pub(in super::super) help: String,
        #[prost(string, tag = "5")]
        pub(in super::super) unit: String,
    }
}

pub(super) mod v2 {
    #[derive(Clone, PartialEq, prost::Message)]
    pub(in super::super) struct Request {
        #[prost(string, repeated, tag = "4")]
        pub(in super::super) symbols: Vec<String>,
        #[prost(message, repeated, tag = "5")]
        pub(in super::super) timeseries: Vec<TimeSeries>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(in super::super) struct TimeSeries {
        #[prost(uint32, repeated, tag = "1")]
        pub(in super::super) labels_refs: Vec<u32>,
        #[prost(message, repeated, tag = "2")]
        pub(in super::super) samples: Vec<Sample>,
        #[prost(message, repeated, tag = "3")]
        pub(in super::super) histograms: Vec<super::Histogram>,
        #[prost(message, repeated, tag = "4")]
        pub(in super::super) exemplars: Vec<Exemplar>,
        #[prost(message, optional, tag = "5")]
        pub(in super::super) metadata: Option<Metadata>,
    }

    #[derive(Clone, Copy, PartialEq, prost::Message)]
    pub(in super::super) struct Sample {
        #[prost(double, tag = "1")]
        pub(in super::super) value: f64,
        #[prost(int64, tag = "2")]
        pub(in super::super) timestamp: i64,
        #[prost(int64, tag = "3")]
        pub(in super::super) start_timestamp: i64,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(in super::super) struct Exemplar {
        #[prost(uint32, repeated, tag = "1")]
        pub(in super::super) labels_refs: Vec<u32>,
        #[prost(double, tag = "2")]
        pub(in super::super) value: f64,
        #[prost(int64, tag = "3")]
        pub(in super::super) timestamp: i64,
    }

    #[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
    pub(in super::super) struct Metadata {
        #[prost(int32, tag = "1")]
        pub(in super::super) kind: i32,
        #[prost(uint32, tag = "3")]
        pub(in super::super) help_ref: u32,
        #[prost(uint32, tag = "4")]
        pub(in super::super) unit_ref: u32,
    }
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Histogram {
    #[prost(uint64, optional, tag = "1")]
    pub(super) count_int: Option<u64>,
    #[prost(double, tag = "3")]
    pub(super) sum: f64,
    #[prost(sint32, tag = "4")]
    pub(super) schema: i32,
    #[prost(double, tag = "5")]
    pub(super) zero_threshold: f64,
    #[prost(uint64, optional, tag = "6")]
    pub(super) zero_count_int: Option<u64>,
    #[prost(message, repeated, tag = "8")]
    pub(super) negative_spans: Vec<Span>,
    #[prost(sint64, repeated, tag = "9")]
    pub(super) negative_deltas: Vec<i64>,
    #[prost(message, repeated, tag = "11")]
    pub(super) positive_spans: Vec<Span>,
    #[prost(sint64, repeated, tag = "12")]
    pub(super) positive_deltas: Vec<i64>,
    #[prost(int32, tag = "14")]
    pub(super) reset_hint: i32,
    #[prost(int64, tag = "15")]
    pub(super) timestamp: i64,
    #[prost(double, repeated, tag = "16")]
    pub(super) custom_values: Vec<f64>,
    #[prost(int64, tag = "17")]
    pub(super) start_timestamp: i64,
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub(super) struct Span {
    #[prost(sint32, tag = "1")]
    pub(super) offset: i32,
    #[prost(uint32, tag = "2")]
    pub(super) length: u32,
}
