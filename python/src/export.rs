//! Tables in memory for other programs: Arrow's C data interface, in the capsules that pyarrow, polars and DuckDB take.

use std::sync::Arc;

use aesearch::filter::shown;
use aesearch::gallery::Known;
use aesearch_index::{Value, words};
use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema};
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{
    Array as _, ArrayRef, FixedSizeBinaryArray, FixedSizeListArray, Float32Array, Float64Array, Int64Array,
    LargeStringArray, RecordBatch, RecordBatchIterator, StructArray,
};
use arrow_buffer::Buffer;
use arrow_schema::{ArrowError, DataType, Field, Schema};
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use crate::calls::observed;
use crate::errors::invalid;
use crate::explore::Among;
use crate::index::Index;

/// Columns of equal length.
#[pyclass(frozen, module = "aesearch._native")]
pub(crate) struct Table {
    batch: RecordBatch,
}

/// Columns of Python's own values; none where there is none.
#[derive(FromPyObject)]
enum Values {
    Integers(Vec<Option<i64>>),
    Numbers(Vec<Option<f64>>),
    Texts(Vec<Option<String>>),
}

#[pymethods]
impl Table {
    /// A table of lists: columns of (name, kind, values), where kind is integer, number or text.
    #[new]
    fn new(py: Python<'_>, columns: Vec<(String, String, Bound<'_, PyAny>)>) -> PyResult<Table> {
        let column = |(name, kind, values): (String, String, Bound<'_, PyAny>)| {
            let values = match kind.as_str() {
                "integer" => Values::Integers(values.extract()?),
                "number" => Values::Numbers(values.extract()?),
                _ => Values::Texts(values.extract()?),
            };
            let array: ArrayRef = match values {
                Values::Integers(values) => Arc::new(Int64Array::from(values)),
                Values::Numbers(values) => Arc::new(Float64Array::from(values)),
                Values::Texts(values) => Arc::new(LargeStringArray::from(values)),
            };
            PyResult::Ok((name, array))
        };
        let columns = columns.into_iter().map(column).collect::<PyResult<Vec<_>>>()?;
        table(columns).map_err(|error| invalid(py, error.to_string()))
    }

    fn __len__(&self) -> usize {
        self.batch.num_rows()
    }

    fn __repr__(&self) -> String {
        let names = self.column_names().join(", ");
        format!("Table({} rows, {} columns: {names})", self.batch.num_rows(), self.batch.num_columns())
    }

    #[getter]
    fn column_names(&self) -> Vec<String> {
        self.batch.schema().fields().iter().map(|field| field.name().clone()).collect()
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        let schema = FFI_ArrowSchema::try_from(self.batch.schema().as_ref());
        let schema = schema.map_err(|error| invalid(py, error.to_string()))?;
        PyCapsule::new_with_value(py, schema, c"arrow_schema")
    }

    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<(Bound<'py, PyCapsule>, Bound<'py, PyCapsule>)> {
        let _ = requested_schema; // a wish, which need not be granted
        let array = FFI_ArrowArray::new(&StructArray::from(self.batch.clone()).into_data());
        Ok((self.__arrow_c_schema__(py)?, PyCapsule::new_with_value(py, array, c"arrow_array")?))
    }

    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let _ = requested_schema;
        let batches = RecordBatchIterator::new([Ok(self.batch.clone())], self.batch.schema());
        PyCapsule::new_with_value(py, FFI_ArrowArrayStream::new(Box::new(batches)), c"arrow_array_stream")
    }
}

/// The images of an index as a table, in the order of their names: name, label, what their files know, code, latent.
#[pyfunction]
fn table_of_index(
    index: &Bound<'_, Index>,
    among: Among,
    metadata: bool,
    codes: bool,
    latents: bool,
    listener: Option<Py<PyAny>>,
) -> PyResult<Table> {
    let (py, index) = (index.py(), index.get());
    index.gallery(py)?;
    let made = observed(py, listener, |observer| {
        let rows = among.rows(index.dir(), observer)?;
        let all = 0..rows.len() as u32;
        let names = LargeStringArray::from_iter_values(all.clone().map(|row| rows.name(row)));
        let labels = LargeStringArray::from_iter(all.map(|row| rows.label(row)));
        let mut columns: Vec<(String, ArrayRef)> =
            vec![("name".to_owned(), Arc::new(names)), ("label".to_owned(), Arc::new(labels))];
        if metadata {
            let known = Known::open(index.dir(), rows.snapshot(), observer)?;
            columns
                .extend(FACTS.map(|(name, kind)| (name.to_owned(), fact(&rows.ids, &known, (name, kind)))));
        }
        let bits = rows.snapshot().bits();
        let (values, size) = (rows.codes(), bits.div_ceil(8));
        let bytes =
            |code: &[u64]| code.iter().flat_map(|word| word.to_le_bytes()).take(size).collect::<Vec<u8>>();
        let code = codes.then(|| values.chunks_exact(words(bits)).flat_map(bytes).collect::<Vec<u8>>());
        let latent = match latents && rows.snapshot().latent_size() > 0 {
            true => Some((rows.latents()?, rows.snapshot().latent_size())),
            false => None,
        };
        Ok((columns, code.map(|code| (code, size)), latent))
    });
    let (mut columns, code, latent) = made?;
    let wrong = |error: ArrowError| invalid(py, error.to_string());
    if let Some((bytes, size)) = code {
        let array =
            FixedSizeBinaryArray::try_new(size as i32, Buffer::from_vec(bytes), None).map_err(wrong)?;
        columns.push(("code".to_owned(), Arc::new(array)));
    }
    if let Some((values, size)) = latent {
        let item = Arc::new(Field::new("item", DataType::Float32, false));
        let values = Arc::new(Float32Array::from(values));
        let array = FixedSizeListArray::try_new(item, size as i32, values, None).map_err(wrong)?;
        columns.push(("latent".to_owned(), Arc::new(array)));
    }
    table(columns).map_err(wrong)
}

/// How a fact about an image is written.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Integer,
    /// Stored in millionths.
    Degrees,
}

const FACTS: [(&str, Kind); 12] = [
    ("date", Kind::Text),
    ("camera", Kind::Text),
    ("lens", Kind::Text),
    ("width", Kind::Integer),
    ("height", Kind::Integer),
    ("format", Kind::Text),
    ("bytes", Kind::Integer),
    ("latitude", Kind::Degrees),
    ("longitude", Kind::Degrees),
    ("rating", Kind::Integer),
    ("orientation", Kind::Integer),
    ("software", Kind::Text),
];

fn fact(ids: &[u32], known: &Known<'_>, (name, kind): (&str, Kind)) -> ArrayRef {
    let integers = ids.iter().map(|&id| match known.value(id, name)? {
        Value::Integer(number) => Some(number),
        Value::Text(_) => None,
    });
    match kind {
        Kind::Text => {
            let text = |&id: &u32| Some(shown(name, known.value(id, name)?));
            Arc::new(LargeStringArray::from_iter(ids.iter().map(text)))
        }
        Kind::Integer => Arc::new(Int64Array::from_iter(integers)),
        Kind::Degrees => Arc::new(Float64Array::from_iter(integers.map(|number| Some(number? as f64 / 1e6)))),
    }
}

/// The table of these columns, of equal length.
pub(crate) fn table(columns: Vec<(String, ArrayRef)>) -> Result<Table, ArrowError> {
    let field = |(name, array): &(String, ArrayRef)| Field::new(name, array.data_type().clone(), true);
    let schema = Schema::new(columns.iter().map(field).collect::<Vec<_>>());
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    Ok(Table { batch: RecordBatch::try_new(Arc::new(schema), arrays)? })
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Table>()?;
    module.add_function(wrap_pyfunction!(table_of_index, module)?)?;
    Ok(())
}
